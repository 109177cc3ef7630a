"""Findings about JSON, for people and programs; they never quote a value."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Self, cast

from pydantic import ValidationError
from pydantic_core import ErrorDetails

_CODES = {"missing": "missing_member", "extra_forbidden": "unknown_member"}
_MESSAGES = {
    "bool_type": "must be true or false",
    "extra_forbidden": "is not a member of the protocol",
    "invalid_key": "is not a valid member name: names are strings",
    "missing": "is missing",
    "model_type": "must be an object",
    "string_unicode": "must not hold a lone surrogate",
}
_MAX_NAME_CHARACTERS = 64


@dataclass(frozen=True)
class Diagnostic:
    """One error or warning.

    Attributes:
        code: The stable code of the rule.
        severity: `error` if the service rejects it or should, `warning` for a likely mistake.
        path: The JSON Pointer to the finding; empty for the whole document.
        message: What is wrong, and what is expected.
    """

    code: str
    severity: Literal["error", "warning"]
    path: str
    message: str

    def __str__(self) -> str:
        """Format the finding for a person."""
        return f"{self.path or '/'} {self.message} [{self.code}]"

    @classmethod
    def error(cls, code: str, path: str, message: str) -> Self:
        """Create an error."""
        return cls(code, "error", path, message)

    @classmethod
    def warning(cls, code: str, path: str, message: str) -> Self:
        """Create a warning."""
        return cls(code, "warning", path, message)


def describe(error: ValidationError, data: object = None, prefix: str = "") -> list[Diagnostic]:
    """Convert a validation error to diagnostics, which never quote a value.

    Without `data`, a path may include names that pydantic gives to the members of a union.

    Args:
        error: The error of pydantic.
        data: The validated data, if available.
        prefix: The JSON Pointer to `data`.
    """
    found = error.errors(include_input=False, include_url=False)
    return list(dict.fromkeys(_diagnostic(details, data, prefix) for details in found))


def member_path(name: object) -> str:
    """Return `name` as a part of a JSON Pointer, shortened and safe to print."""
    text = str(name) if isinstance(name, str | int) else "?"
    if len(text) > _MAX_NAME_CHARACTERS:
        text = f"{text[:_MAX_NAME_CHARACTERS]}…"
    shown = "".join(letter if letter.isprintable() else "\ufffd" for letter in text)
    return "/" + shown.replace("~", "~0").replace("/", "~1")


def _diagnostic(details: ErrorDetails, data: object, prefix: str) -> Diagnostic:
    kind, location = details["type"], details["loc"]
    code = _CODES.get(kind, "invalid_value")
    if (kind, location) == ("missing", ("session_id",)):
        code = "missing_session_id"
    path = _pointer(location, data, keep_last=kind == "missing")
    return Diagnostic.error(code, prefix + path, _message(details))


def _message(details: ErrorDetails) -> str:
    # The message of a ValueError from a validator, without the prefix that pydantic adds.
    if raised := details.get("ctx", {}).get("error"):
        return str(raised)
    return _MESSAGES.get(details["type"], details["msg"].replace("Input should", "must", 1))


def _pointer(location: Sequence[int | str], data: object, *, keep_last: bool) -> str:
    parts: list[str] = []
    node = data
    for position, part in enumerate(location, start=1):
        last = position == len(location)
        try:
            node = cast("dict[int | str, object]", node)[part]
        except (LookupError, TypeError):
            if data is not None and not (last and keep_last):
                continue
        parts.append(member_path(part))
    return "".join(parts)
