"""Types of the values in a scenario file."""

from typing import Annotated

from pydantic import AfterValidator, Discriminator, Field, Strict, Tag

from aiflow.protocol.constraints import TextConstraint, reject
from aiflow_local.simulator.scenarios.expectation_models import Expected

ANY_MORE = "..."
_MAX_DIGITS = 15
_DIGITS = "must be 1 to 15 digits, with or without +"


def value_kind(value: object) -> str:
    """Return the tag of a union: text or object."""
    return "<text>" if isinstance(value, str) else "<object>"


def _number(value: object) -> str | None:
    digits = value.removeprefix("+") if isinstance(value, str) else ""
    is_number = digits.isascii() and digits.isdecimal() and len(digits) <= _MAX_DIGITS
    return digits if is_number else None


def _number_or_none(value: object) -> str | None:
    return "" if value == "" else _number(value)


def _keys(value: object) -> str | None:
    return value if isinstance(value, str) and value and not value.strip("0123456789*#") else None


def _any_more(value: object) -> str | None:
    return ANY_MORE if value == ANY_MORE else None


def _any_more_is_last[T](entries: list[T]) -> list[T]:
    if ANY_MORE in entries[:-1]:
        reject("... must be the last entry")
    return entries


Number = Annotated[str, TextConstraint(_number, _DIGITS, {"pattern": r"^\+?[0-9]{1,15}$"})]
"""A phone number, stored without +."""

NumberOrNone = Annotated[
    str,
    TextConstraint(_number_or_none, f"{_DIGITS}, or empty", {"pattern": r"^(\+?[0-9]{1,15})?$"}),
]
"""A phone number, or an empty text for an anonymous caller."""

Keys = Annotated[
    str, TextConstraint(_keys, "must be one or more of 0-9, * and #", {"pattern": r"^[0-9*#]+$"})
]
"""A sequence of keys."""

Words = Annotated[str, Field(min_length=1)]
"""A text that is not empty."""

AfterMs = Annotated[int, Strict(), Field(ge=0, le=3_600_000)]
"""An offset into a playback, in milliseconds."""

Seconds = Annotated[float, Strict(), Field(gt=0, le=3600)]
"""A duration in seconds."""

Expectation = Annotated[
    Annotated[Expected, Tag("<object>")]
    | Annotated[
        str,
        TextConstraint(
            _any_more, "must be an action, like {speak: {}}, or ...", {"const": ANY_MORE}
        ),
        Tag("<text>"),
    ],
    Discriminator(value_kind),
]
"""An expected action, or `...` for any further actions."""

Expectations = Annotated[list[Expectation], AfterValidator(_any_more_is_last)]
"""Expected actions in order."""
