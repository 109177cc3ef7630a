"""Reads YAML files with the line and column of each value.

The dialect is YAML 1.2: `yes` and `no` are words, and a date is a text. The loader rejects
ambiguous values and expanding aliases.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from aiflow_local.errors import Unreadable
from aiflow_local.simulator.scenarios.plain_yaml import PlainLoader, check_plain

MAX_BYTES = 1024 * 1024


@dataclass(frozen=True)
class SourceLocation:
    """A location in a file.

    Attributes:
        line: line, from 1.
        column: column, from 1.
        node: the YAML node there, if it is a value.
    """

    line: int
    column: int
    node: yaml.Node | None = None


@dataclass(frozen=True)
class Document:
    """A YAML file.

    Attributes:
        path: its path.
        data: its data.
        node: its root node; None for an empty file.
    """

    path: Path
    data: Any
    node: yaml.Node | None

    def find(self, location: tuple[int | str, ...]) -> SourceLocation:
        """Return the location of a member or an item, or of its closest parent."""
        node, place = self.node, _location_of(self.node)
        for part in location:
            if isinstance(node, yaml.SequenceNode) and isinstance(part, int):
                node = node.value[part] if part < len(node.value) else None
                place = _location_of(node) if node else place
            elif isinstance(node, yaml.MappingNode):
                pairs = [pair for pair in node.value if pair[0].value == part]
                if pairs:
                    key, node = pairs[-1]
                    place = SourceLocation(key.start_mark.line + 1, key.start_mark.column + 1, node)
        return place


def read_yaml(path: Path) -> Document:
    """Read a YAML file.

    Raises:
        Unreadable: the file is not valid; the message has the location.
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise Unreadable("unreadable", f"{path}: {error.strerror}") from error
    if len(raw) > MAX_BYTES:
        raise Unreadable("too_large", f"{path}: is larger than {MAX_BYTES // 1024} KB")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        where = _position(raw[: error.start].decode(errors="replace"))
        raise Unreadable("not_utf8", f"{path}:{where}: is not UTF-8") from None
    try:
        return _parse(path, text)
    except yaml.MarkedYAMLError as error:
        message = _problem_text(error)
        raise Unreadable("not_yaml", f"{path}:{_mark(error)}: {message}") from None
    except yaml.reader.ReaderError as error:
        where = _position(text[: error.position])
        raise Unreadable(
            "not_yaml", f"{path}:{where}: has a character that is not allowed in text"
        ) from None
    except RecursionError:
        raise Unreadable("not_yaml", f"{path}: is nested too deeply") from None


def _parse(path: Path, text: str) -> Document:
    loader: Any = PlainLoader(text)
    try:
        node = loader.get_single_node()
        if node is None:
            return Document(path, None, None)
        check_plain(node)
        return Document(path, loader.construct_document(node), node)
    finally:
        loader.dispose()


def _problem_text(error: yaml.MarkedYAMLError) -> str:
    problem = error.problem or "cannot be read"
    if isinstance(error, yaml.constructor.ConstructorError):
        return problem
    if "'\\t'" in problem:
        return "is not YAML: indent with spaces, not with tabs"
    return f"is not YAML: {problem}"


def _mark(error: yaml.MarkedYAMLError) -> str:
    mark = error.problem_mark or error.context_mark
    return f"{mark.line + 1}:{mark.column + 1}" if mark else "1:1"


def _position(before: str) -> str:
    lines = before.split("\n")
    return f"{len(lines)}:{len(lines[-1]) + 1}"


def _location_of(node: yaml.Node | None) -> SourceLocation:
    if node is None:
        return SourceLocation(1, 1)
    return SourceLocation(node.start_mark.line + 1, node.start_mark.column + 1, node)
