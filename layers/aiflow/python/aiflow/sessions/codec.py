"""How the fields of a record are stored: each as one attribute, text or a whole number.

Everything structured is JSON text. A store with types of its own would refuse a float, a number of
39 digits or deep nesting; it accepts any text.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import field, fields
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from aiflow.protocol.types import JsonObject

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

SCHEMA = 2
"""Version of the stored attributes; tells later versions of this code what they read."""

type Attributes = Mapping[str, str | int]
"""The attributes of a stored record, without its key."""

# Built once: `json.dumps` would build an encoder for each value.
_encode = json.JSONEncoder(allow_nan=False, ensure_ascii=False, separators=(",", ":")).encode


def as_json(value: object) -> str:
    """Encode a value as the store keeps it.

    Raises:
        TypeError: something in it is not JSON.
        ValueError: NaN, an infinity, or a reference to itself.
    """
    return _encode(value)


class Encoding[T](NamedTuple):
    """How one field is stored.

    Attributes:
        encode: returns the attribute of a value.
        decode: returns the value of an attribute.
    """

    encode: Callable[[T], str | int]
    decode: Callable[[Any], T]


def _tuple_from_json(text: str) -> tuple[Any, ...]:
    return tuple(json.loads(text))


TEXT = Encoding[str](str, str)
INTEGER = Encoding[int](int, int)
FLAG = Encoding[bool](int, bool)
OBJECT = Encoding[JsonObject](as_json, json.loads)
TEXTS = Encoding[tuple[str, ...]](as_json, _tuple_from_json)
OBJECTS = Encoding[tuple[JsonObject, ...]](as_json, _tuple_from_json)


def stored[T](encoding: Encoding[T], default: Callable[[], T]) -> T:
    """Declare a dataclass field that is stored under its own name.

    Args:
        encoding: how it is stored.
        default: makes the value of a new record, and of one that was stored without this field.
    """
    # `field` is typed as the value that it declares.
    declared: T = field(
        default_factory=default, metadata={"encoding": encoding, "default": default}
    )
    return declared


def to_attributes(record: "DataclassInstance") -> dict[str, str | int]:
    """Return the attributes of a record; those that equal `defaults` may be left out."""
    values = vars(record)
    attributes: dict[str, str | int] = {"schema": SCHEMA}
    for name, encoding in _encodings(type(record)):
        attributes[name] = encoding.encode(values[name])
    return attributes


def from_attributes(kind: "type[DataclassInstance]", attributes: Attributes) -> dict[str, Any]:
    """Return the stored fields of a record by name; an absent one keeps its default."""
    return {
        name: encoding.decode(attributes[name])
        for name, encoding in _encodings(kind)
        if name in attributes
    }


@cache
def defaults(kind: "type[DataclassInstance]") -> Attributes:
    """Return the attributes of the default values: what an absent attribute stands for."""
    return {
        each.name: each.metadata["encoding"].encode(each.metadata["default"]())
        for each in fields(kind)
        if "encoding" in each.metadata
    }


@cache
def _encodings(kind: "type[DataclassInstance]") -> tuple[tuple[str, Encoding[Any]], ...]:
    return tuple(
        (each.name, each.metadata["encoding"])
        for each in fields(kind)
        if "encoding" in each.metadata
    )
