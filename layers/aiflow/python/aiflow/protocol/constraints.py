"""Pydantic annotations that check one value and state all its requirements in one message.

Pydantic's own messages name either the type or one end of a range, and some of them quote the
value. Messages of this module say what is valid, and never contain what a caller said.
"""

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple, Never, TypeIs, get_args

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler, ValidationError
from pydantic_core import CoreSchema, PydanticCustomError, core_schema


def reject(message: str) -> Never:
    """Refuse the value that is being validated; to be called inside a validator only."""
    raise PydanticCustomError("refused", "{rule}", {"rule": message})


def is_object(value: object) -> TypeIs[dict[object, object]]:
    """Tell whether `value` is what JSON calls an object, whatever its keys are."""
    return isinstance(value, dict)


def is_array(value: object) -> TypeIs[list[object] | tuple[object, ...]]:
    """Tell whether `value` is what JSON calls an array."""
    return isinstance(value, list | tuple)


@dataclass(frozen=True, eq=False)
class TextConstraint:
    """Annotation of a text, checked in place of its type.

    Attributes:
        read: returns the value as it is kept, or `None` to refuse it. It may raise a `ValueError`
            that says more than the message does.
        message: the whole rule.
        published: the rule in JSON Schema, as far as JSON Schema can say it.
    """

    read: Callable[[object], str | None]
    message: str
    published: Mapping[str, Any] = field(default_factory=dict[str, Any])

    def __get_pydantic_core_schema__(self, _: object, __: GetCoreSchemaHandler) -> CoreSchema:
        """Check in place of the type, not after it."""
        return core_schema.no_info_plain_validator_function(self._check)

    def __get_pydantic_json_schema__(
        self, _: CoreSchema, __: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        """Publish the rule."""
        return {"type": "string", **self.published}

    def _check(self, value: object) -> str:
        accepted = self.read(value)
        return reject(self.message) if accepted is None else accepted


class NumberRange(NamedTuple):
    """Annotation of a number: from `low` to `high`, or to the largest number there is."""

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
            # As it was kept: a serializer of floats would put a fraction behind every integer.
            serialization=core_schema.simple_ser_schema("any"),
        )

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        """Publish the range."""
        published = handler(schema) | {"minimum": self.low}
        return published | {"maximum": self.high} if self._is_closed else published

    @property
    def _is_closed(self) -> bool:
        return self.high < sys.float_info.max

    def _check(self, message: str, value: object, handler: Callable[[object], float]) -> float:
        try:
            number = handler(value)
        except ValidationError:
            reject(message)
        # NaN is not between anything.
        return number if self.low <= number <= self.high else reject(message)


class ItemCount(NamedTuple):
    """Annotation of a `Sequence`: a list or a tuple with so many items, kept as a tuple."""

    low: int
    high: int
    name: str

    def __get_pydantic_core_schema__(
        self, source: object, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        """Count before anything looks at the items: they may be many."""
        (item,) = get_args(source)
        items = core_schema.tuple_variable_schema(handler.generate_schema(item))
        return core_schema.no_info_before_validator_function(self._count, items)

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        """Publish the range."""
        return handler(schema) | {"minItems": self.low, "maxItems": self.high}

    def _count(self, value: object) -> object:
        if is_array(value) and self.low <= len(value) <= self.high:
            return value
        return reject(f"must be a list of {self.low} to {self.high} {self.name}")
