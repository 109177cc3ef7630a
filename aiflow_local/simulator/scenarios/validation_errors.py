"""What is wrong with a file, mistake by mistake, each with its line and its column."""

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
    """Return what a file says.

    Raises:
        Unreadable: it says something else than `model`; the message is a line for each mistake.
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
        # Of all members, wherever they belong: to guess what was meant by another name.
        self._names = list(dict.fromkeys(_names_of(json_schema(model, ""))))

    def lines(self, error: ValidationError) -> list[str]:
        found = error.errors(include_url=False, include_input=False)
        places = [self._document.find(details["loc"]) for details in found]
        fixable_by_quotes = self._wanted_as_text(found, places)
        told = sorted(
            (
                place.line,
                place.column,
                self._told(details, place if details["loc"] in fixable_by_quotes else None),
            )
            for details, place in zip(found, places, strict=True)
        )
        lines = list(dict.fromkeys(f"{self._document.path}:{at}:{to}: {it}" for at, to, it in told))
        more = len(lines) - MAX_LINES
        return [*lines[:MAX_LINES], *([f"and {more} more"] if more > 0 else [])]

    def _told(self, details: ErrorDetails, unquoted: SourceLocation | None) -> str:
        where = ".".join(_way(details["loc"])) or "the file"
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
        """Return which mistakes would be none if what stands there were in quotes.

        `012` is a number to YAML, and the keys 0, 1, 2 to whoever wrote it.
        """
        try:
            data = deepcopy(self._document.data)
        except RecursionError:
            # Aliases nest deeper than brackets can. There is no guessing in that.
            return set()
        changed = {
            details["loc"]
            for details, place in zip(found, places, strict=True)
            if isinstance(place.node, yaml.ScalarNode)
            and _replace(data, _way(details["loc"]), place.node.value)
        }
        try:
            self._model.model_validate(data)
        except ValidationError as error:
            return changed - {details["loc"] for details in error.errors(include_url=False)}
        return changed


def _way(location: tuple[int | str, ...]) -> list[str]:
    """Return the names on the way; what stands in angle brackets is not in the file."""
    return [str(part) for part in location if not str(part).startswith("<")]


def _replace(data: object, way: list[str], text: str) -> bool:
    """Replace a value that is no text by one; tell if that was done."""
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
