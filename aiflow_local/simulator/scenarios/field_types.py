"""What may stand in a scenario file, value by value."""

from typing import Annotated

from pydantic import AfterValidator, Discriminator, Field, Strict, Tag

from aiflow.protocol.constraints import TextConstraint, reject
from aiflow_local.simulator.scenarios.expectation_models import Expected

ANYTHING_MORE = "..."
_MAX_DIGITS = 15
_DIGITS = "must be 1 to 15 digits, with or without + before them"


def form_of(value: object) -> str:
    """Return the tag of a union: of a text, or of what has members."""
    return "<text>" if isinstance(value, str) else "<object>"


def _number(value: object) -> str | None:
    digits = value.removeprefix("+") if isinstance(value, str) else ""
    is_number = digits.isascii() and digits.isdecimal() and len(digits) <= _MAX_DIGITS
    return digits if is_number else None


def _number_or_none(value: object) -> str | None:
    return "" if value == "" else _number(value)


def _keys(value: object) -> str | None:
    return value if isinstance(value, str) and value and not value.strip("0123456789*#") else None


def _anything(value: object) -> str | None:
    return ANYTHING_MORE if value == ANYTHING_MORE else None


def _last_is_anything[T](entries: list[T]) -> list[T]:
    if ANYTHING_MORE in entries[:-1]:
        reject("... allows more at the end, and stands there only")
    return entries


Number = Annotated[str, TextConstraint(_number, _DIGITS, {"pattern": r"^\+?[0-9]{1,15}$"})]
"""A phone number, kept without +."""

NumberOrNone = Annotated[
    str,
    TextConstraint(_number_or_none, f"{_DIGITS}, or empty", {"pattern": r"^(\+?[0-9]{1,15})?$"}),
]
"""A phone number, or none: that of an anonymous caller."""

Keys = Annotated[
    str, TextConstraint(_keys, "must be one or more of 0-9, * and #", {"pattern": r"^[0-9*#]+$"})
]
"""Keys of a phone, one after another."""

Words = Annotated[str, Field(min_length=1)]
"""A text that is not empty."""

AfterMs = Annotated[int, Strict(), Field(ge=0, le=3_600_000)]
"""A moment in what is being played, in milliseconds."""

Seconds = Annotated[float, Strict(), Field(gt=0, le=3600)]
"""A length of time, with a fraction or without."""

Expectation = Annotated[
    Annotated[Expected, Tag("<object>")]
    | Annotated[
        str,
        TextConstraint(
            _anything, "must be an action, like {speak: {}}, or ...", {"const": ANYTHING_MORE}
        ),
        Tag("<text>"),
    ],
    Discriminator(form_of),
]
"""An action that is expected, or `...` for any more."""

Expectations = Annotated[list[Expectation], AfterValidator(_last_is_anything)]
"""Actions that are expected, in their order."""
