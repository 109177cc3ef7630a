"""YAML that is plain data: words, numbers, lists and members, and no more of them than expected."""

import re
from collections.abc import Iterator
from typing import Any, cast

import yaml

MAX_NODES = 200_000
"""With every alias written out: what YAML calls short can be longer than any memory."""

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
    """Takes for numbers what YAML 1.2 takes for numbers, and nothing else."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 - as its base has it

    def construct_yaml_int(self, node: yaml.ScalarNode) -> int:
        """Read a number; a leading zero means nothing."""
        return int(node.value)

    def construct_yaml_float(self, node: yaml.ScalarNode) -> float:
        """Read a number."""
        return float(node.value)


PlainLoader.add_constructor(f"{_TAG}int", PlainLoader.construct_yaml_int)
PlainLoader.add_constructor(f"{_TAG}float", PlainLoader.construct_yaml_float)
for _name, _pattern, _first in _RULES:
    cast("Any", PlainLoader).add_implicit_resolver(
        f"{_TAG}{_name}", re.compile(f"^(?:{_pattern})$"), _first
    )


def check_plain(root: yaml.Node) -> None:
    """Refuse what is more than plain data, or too much of it.

    Raises:
        yaml.MarkedYAMLError: there is, and where.
    """
    sizes: dict[int, int] = {}

    def size(node: yaml.Node) -> int:
        if id(node) in sizes:
            if not sizes[id(node)]:
                raise _refusal(node, "an alias must not stand inside of what it stands for")
            return sizes[id(node)]
        sizes[id(node)] = 0
        _check_node(node)
        total = 1 + sum(size(child) for child in _children(node))
        if total > MAX_NODES:
            raise _refusal(node, f"aliases make this longer than {MAX_NODES} entries")
        sizes[id(node)] = total
        return total

    size(root)


def _check_node(node: yaml.Node) -> None:
    if node.tag not in _KNOWN_TAGS:
        raise _refusal(node, "is of a type that is not known here: leave the tag out")
    if isinstance(node, yaml.MappingNode):
        _check_names(node)
    pattern = _PATTERNS.get(node.tag)
    if pattern and not pattern.fullmatch(node.value):
        raise _refusal(node, "is not what its tag says: leave the tag out")
    is_number = node.tag in {f"{_TAG}int", f"{_TAG}float"}
    if is_number and len(node.value) > _MAX_NUMBER_LENGTH:
        raise _refusal(node, "is too long for a number: if it is a text, put it in quotes")


def _check_names(node: yaml.MappingNode) -> None:
    names: set[str] = set()
    for key, _ in node.value:
        if not isinstance(key, yaml.ScalarNode) or key.tag not in {f"{_TAG}str", _MERGE}:
            raise _refusal(key, "is no name: a name is a text")
        if key.value in names:
            raise _refusal(key, f"`{key.value}` stands here twice")
        names.add(key.value)


def _children(node: yaml.Node) -> Iterator[yaml.Node]:
    if isinstance(node, yaml.SequenceNode):
        yield from node.value
    elif isinstance(node, yaml.MappingNode):
        for pair in node.value:
            yield from pair


def _refusal(node: yaml.Node, message: str) -> yaml.MarkedYAMLError:
    return yaml.constructor.ConstructorError(None, None, message, node.start_mark)
