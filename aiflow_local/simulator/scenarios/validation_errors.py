"""Formats the mistakes in a file, each with its line and column."""

from collections.abc import Iterator
from copy import deepcopy
from difflib import get_close_matches
from typing import Any, cast

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from aiflow.protocol.constraints import is_array, is_object
from aiflow_local.errors import Unreadable
from aiflow_local.simulator.scenarios.json_schema import json_schema
from aiflow_local.simulator.scenarios.loader import Document, SourceLocation

MAX_LINES = 20
_MESSAGES = {
    "bool_type": "must be true or false",
    "dict_type": "must have members, like {name: value}",
    "float_type": "must be a number",
    "int_type": "must be a whole number",
    "list_type": "must be a list",
    "missing": "is missing",
    "model_type": "must have members, like {name: value}",
    "string_too_short": "must not be empty",
    "too_short": "must not be empty",
    "string_type": "must be a text",
}


def validate_document[Model: BaseModel](model: type[Model], document: Document) -> Model:
    """Return the model of a file.

    Raises:
        Unreadable: the file does not match the model; the message has a line for each mistake.
    """
    try:
        return model.model_validate(document.data)
    except ValidationError as error:
        lines = _ErrorFormatter(model, document).lines(error)
        raise Unreadable("not_a_scenario", "\n".join(lines)) from None


class _ErrorFormatter:
    def __init__(self, model: type[BaseModel], document: Document) -> None:
        self._model = model
        self._document = document
        # Names of all members, to suggest one for an unknown name.
        self._names = list(dict.fromkeys(_names_of(json_schema(model, ""))))

    def lines(self, error: ValidationError) -> list[str]:
        found = error.errors(include_url=False, include_input=False)
        places = [self._document.find(details["loc"]) for details in found]
        fixable_by_quotes = self._wanted_as_text(found, places)
        messages = sorted(
            (
                place.line,
                place.column,
                self._format(details, place if details["loc"] in fixable_by_quotes else None),
            )
            for details, place in zip(found, places, strict=True)
        )
        lines = list(
            dict.fromkeys(
                f"{self._document.path}:{line}:{column}: {text}" for line, column, text in messages
            )
        )
        more = len(lines) - MAX_LINES
        return [*lines[:MAX_LINES], *([f"and {more} more"] if more > 0 else [])]

    def _format(self, details: ErrorDetails, unquoted: SourceLocation | None) -> str:
        where = ".".join(_names_in(details["loc"])) or "the file"
        if unquoted and unquoted.node:
            return f'{where}: must be a text: put it in quotes, "{unquoted.node.value}"'
        return f"{where}: {self._message(details)}"

    def _message(self, details: ErrorDetails) -> str:
        if details["type"] == "extra_forbidden":
            name = str(details["loc"][-1])
            close = get_close_matches(name, self._names, n=1)
            return f"is not known here{f'; did you mean {close[0]}?' if close else ''}"
        default = details["msg"].replace("Input should", "must", 1)
        return _MESSAGES.get(details["type"], default)

    def _wanted_as_text(
        self, found: list[ErrorDetails], places: list[SourceLocation]
    ) -> set[tuple[int | str, ...]]:
        """Return the locations of mistakes that quotes would fix.

        YAML reads `012` as a number, although the author may mean the keys 0, 1 and 2.
        """
        try:
            data = deepcopy(self._document.data)
        except RecursionError:
            # Aliases can nest too deeply to copy: no suggestions then.
            return set()
        changed = {
            details["loc"]
            for details, place in zip(found, places, strict=True)
            if isinstance(place.node, yaml.ScalarNode)
            and _replace(data, _names_in(details["loc"]), place.node.value)
        }
        try:
            self._model.model_validate(data)
        except ValidationError as error:
            return changed - {details["loc"] for details in error.errors(include_url=False)}
        return changed


def _names_in(location: tuple[int | str, ...]) -> list[str]:
    """Return the names of a location, without pydantic's tags in angle brackets."""
    return [str(part) for part in location if not str(part).startswith("<")]


def _replace(data: object, way: list[str], text: str) -> bool:
    """Replace a scalar by a text; return whether it was one."""
    if not way:
        return False
    name, *further = way
    holder, key = cast("Any", data), int(name) if isinstance(data, list) else name
    if further:
        return _replace(holder[key], further, text)
    if isinstance(holder[key], str | list | dict):
        return False
    holder[key] = text
    return True


def _names_of(schema: object) -> Iterator[str]:
    if is_object(schema):
        yield from cast("dict[str, object]", schema.get("properties", {}))
        for value in schema.values():
            yield from _names_of(value)
    elif is_array(schema):
        for value in schema:
            yield from _names_of(value)
