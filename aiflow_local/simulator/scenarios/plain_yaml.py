"""Restricts YAML to plain data of limited size."""

import re
from collections.abc import Iterator
from typing import Any, cast

import yaml

MAX_NODES = 200_000
"""Limit of nodes with all aliases expanded."""

_MAX_NUMBER_LENGTH = 40
_TAG = "tag:yaml.org,2002:"
_MERGE = f"{_TAG}merge"
_RULES = (
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", r"[-+]?[0-9]+", list("-+0123456789")),
    (
        "float",
        r"[-+]?(?:\.[0-9]+|[0-9]+\.[0-9]*)(?:[eE][-+]?[0-9]+)?|[-+]?[0-9]+[eE][-+]?[0-9]+",
        list("-+.0123456789"),
    ),
    ("merge", r"<<", ["<"]),
)
_PATTERNS = {f"{_TAG}{name}": re.compile(pattern) for name, pattern, _ in _RULES}
_KNOWN_TAGS = frozenset(
    f"{_TAG}{name}" for name in ("null", "bool", "int", "float", "merge", "str", "seq", "map")
)


class PlainLoader(yaml.SafeLoader):
    """Reads numbers and booleans as YAML 1.2 does."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 - as its base has it

    def construct_yaml_int(self, node: yaml.ScalarNode) -> int:
        """Read an integer; leading zeros have no meaning."""
        return int(node.value)

    def construct_yaml_float(self, node: yaml.ScalarNode) -> float:
        """Read a float."""
        return float(node.value)


PlainLoader.add_constructor(f"{_TAG}int", PlainLoader.construct_yaml_int)
PlainLoader.add_constructor(f"{_TAG}float", PlainLoader.construct_yaml_float)
for _name, _pattern, _first in _RULES:
    cast("Any", PlainLoader).add_implicit_resolver(
        f"{_TAG}{_name}", re.compile(f"^(?:{_pattern})$"), _first
    )


def check_plain(root: yaml.Node) -> None:
    """Check that a document is plain data of limited size.

    Raises:
        yaml.MarkedYAMLError: it is not; the error has the location.
    """
    sizes: dict[int, int] = {}

    def size(node: yaml.Node) -> int:
        if id(node) in sizes:
            if not sizes[id(node)]:
                raise _error(node, "an alias must not refer to its own parent")
            return sizes[id(node)]
        sizes[id(node)] = 0
        _check_node(node)
        total = 1 + sum(size(child) for child in _children(node))
        if total > MAX_NODES:
            raise _error(node, f"aliases make this longer than {MAX_NODES} entries")
        sizes[id(node)] = total
        return total

    size(root)


def _check_node(node: yaml.Node) -> None:
    if node.tag not in _KNOWN_TAGS:
        raise _error(node, "has a tag that is not supported: leave it out")
    if isinstance(node, yaml.MappingNode):
        _check_names(node)
    pattern = _PATTERNS.get(node.tag)
    if pattern and not pattern.fullmatch(node.value):
        raise _error(node, "does not match its tag: leave the tag out")
    is_number = node.tag in {f"{_TAG}int", f"{_TAG}float"}
    if is_number and len(node.value) > _MAX_NUMBER_LENGTH:
        raise _error(node, "is too long for a number: put a text in quotes")


def _check_names(node: yaml.MappingNode) -> None:
    names: set[str] = set()
    for key, _ in node.value:
        if not isinstance(key, yaml.ScalarNode) or key.tag not in {f"{_TAG}str", _MERGE}:
            raise _error(key, "is not a valid name: names are texts")
        if key.value in names:
            raise _error(key, f"`{key.value}` occurs twice here")
        names.add(key.value)


def _children(node: yaml.Node) -> Iterator[yaml.Node]:
    if isinstance(node, yaml.SequenceNode):
        yield from node.value
    elif isinstance(node, yaml.MappingNode):
        for pair in node.value:
            yield from pair


def _error(node: yaml.Node, message: str) -> yaml.MarkedYAMLError:
    return yaml.constructor.ConstructorError(None, None, message, node.start_mark)
