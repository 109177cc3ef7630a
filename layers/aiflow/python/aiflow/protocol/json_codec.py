"""Strict JSON: rejects ambiguous input, and writes compact ASCII."""

import json
import math
from collections.abc import Sequence
from typing import Never, cast

from aiflow.errors import InvalidEvent
from aiflow.protocol.types import JsonObject, JsonValue


def decode(text: str) -> JsonValue:
    """Parse JSON; reject NaN, infinities and duplicate keys, which Python's parser accepts.

    Raises:
        InvalidEvent: `empty`, `bad_json`, `bad_number`, `dup_key`, `too_deep` or `bad_encoding`.
    """
    if not text.strip():
        raise InvalidEvent("empty", "The body is empty.")
    if text.startswith("\ufeff"):
        raise InvalidEvent("bad_encoding", "The body starts with a byte order mark.")
    try:
        return cast(
            "JsonValue",
            _decoder.decode(text),
        )
    except json.JSONDecodeError as error:
        # Do not chain the error: its `doc` is the whole input.
        message = f"The body is not JSON (line {error.lineno}, column {error.colno})."
        raise InvalidEvent("bad_json", message) from None
    except RecursionError:
        raise InvalidEvent("too_deep", "The JSON is nested too deeply.") from None
    except ValueError:
        raise InvalidEvent("bad_number", "A number in the JSON has too many digits.") from None


def decode_object(text: str) -> JsonObject:
    """Parse a JSON object.

    Raises:
        InvalidEvent: See `decode`; or `not_object`.
    """
    value = decode(text)
    if not isinstance(value, dict):
        raise InvalidEvent("not_object", "The body is JSON, but not an object.")
    return value


def encode(value: object) -> str:
    """Encode a value as compact ASCII JSON.

    Raises:
        TypeError: A value is not JSON.
        ValueError: A number is NaN or infinite, or an object contains itself.
        RecursionError: The value is nested too deeply.
    """
    return _encoder.encode(value)


def _unique(pairs: Sequence[tuple[str, JsonValue]]) -> JsonObject:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise InvalidEvent("dup_key", "A key occurs twice in one JSON object.")
    return members


def _no_constant(_: str) -> Never:
    raise InvalidEvent("bad_number", "NaN and infinities are not JSON.")


def _finite(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        raise InvalidEvent("bad_number", "A number in the JSON is out of range.")
    return value


# Created once, since `json.loads` and `json.dumps` create one for each call.
_decoder = json.JSONDecoder(
    object_pairs_hook=_unique, parse_constant=_no_constant, parse_float=_finite
)
_encoder = json.JSONEncoder(allow_nan=False, separators=(",", ":"))
