"""Pydantic annotations that check one value, and name the whole constraint in one message.

The messages of pydantic name either the type or one end of a range, and some quote the value. The
messages here name everything that is required, and never quote a value, which may be caller speech.
"""

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple, Never, TypeIs, get_args

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler, ValidationError
from pydantic_core import CoreSchema, PydanticCustomError, core_schema


def reject(message: str) -> Never:
    """Reject the value that is being validated; call this inside a validator only."""
    raise PydanticCustomError("rejected", "{rule}", {"rule": message})


def is_object(value: object) -> TypeIs[dict[object, object]]:
    """Return whether `value` is a JSON object; its keys are not checked."""
    return isinstance(value, dict)


def is_array(value: object) -> TypeIs[list[object] | tuple[object, ...]]:
    """Return whether `value` is a JSON array."""
    return isinstance(value, list | tuple)


@dataclass(frozen=True, eq=False)
class TextConstraint:
    """Annotation of a string that replaces the type check of pydantic.

    Attributes:
        read: Returns the normalized value, or `None` to reject it. It may raise a `ValueError`
            with a more specific message.
        message: The complete constraint.
        json_schema: The constraint in JSON Schema, as far as that can express it.
    """

    read: Callable[[object], str | None]
    message: str
    json_schema: Mapping[str, Any] = field(default_factory=dict[str, Any])

    def __get_pydantic_core_schema__(self, _: object, __: GetCoreSchemaHandler) -> CoreSchema:
        """Replace the schema of the type; see pydantic."""
        return core_schema.no_info_plain_validator_function(self._check)

    def __get_pydantic_json_schema__(
        self, _: CoreSchema, __: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        """Return the constraint in JSON Schema; see pydantic."""
        return {"type": "string", **self.json_schema}

    def _check(self, value: object) -> str:
        accepted = self.read(value)
        return reject(self.message) if accepted is None else accepted


class NumberRange(NamedTuple):
    """Annotation of a number from `low` to `high`, or of at least `low`."""

    low: float
    high: float = sys.float_info.max
    unit: str = ""

    def __get_pydantic_core_schema__(
        self, source: object, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        """Check the type and the range, with one message for both."""
        kind = "a whole number" if source is int else "a number"
        limits = f"from {self.low} to {self.high}" if self._is_closed else f"of at least {self.low}"
        check = partial(self._check, f"must be {kind} {limits} {self.unit}".rstrip())
        return core_schema.no_info_wrap_validator_function(
            check,
            handler(source),
            # Serialize the value as it is, since a float serializer adds `.0` to integers.
            serialization=core_schema.simple_ser_schema("any"),
        )

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        """Return the range in JSON Schema; see pydantic."""
        json_schema = handler(schema) | {"minimum": self.low}
        return json_schema | {"maximum": self.high} if self._is_closed else json_schema

    @property
    def _is_closed(self) -> bool:
        return self.high < sys.float_info.max

    def _check(self, message: str, value: object, handler: Callable[[object], float]) -> float:
        try:
            number = handler(value)
        except ValidationError:
            reject(message)
        # NaN fails this comparison.
        return number if self.low <= number <= self.high else reject(message)


class ItemCount(NamedTuple):
    """Annotation of a `Sequence` with `low` to `high` items, normalized to a tuple."""

    low: int
    high: int
    name: str

    def __get_pydantic_core_schema__(
        self, source: object, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        """Count the items before validating each of them, since there may be many."""
        (item,) = get_args(source)
        items = core_schema.tuple_variable_schema(handler.generate_schema(item))
        return core_schema.no_info_before_validator_function(self._count, items)

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        """Return the range in JSON Schema; see pydantic."""
        return handler(schema) | {"minItems": self.low, "maxItems": self.high}

    def _count(self, value: object) -> object:
        if is_array(value) and self.low <= len(value) <= self.high:
            return value
        return reject(f"must be a list of {self.low} to {self.high} {self.name}")
