"""JSON as the wire has it: read strictly, so that nothing ambiguous gets behind this door."""

import json
import math
from collections.abc import Sequence
from typing import Never, cast

from aiflow.errors import InvalidEvent
from aiflow.protocol.types import JsonObject, JsonValue


def decode(text: str) -> JsonValue:
    """Parse JSON, refusing what Python's parser lets pass: NaN, infinities and repeated keys.

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
        # `error.doc` holds all of the input: say where, and no more.
        message = f"The body is not JSON (line {error.lineno}, column {error.colno})."
        raise InvalidEvent("bad_json", message) from None
    except RecursionError:
        raise InvalidEvent("too_deep", "The JSON is nested too deeply.") from None
    except ValueError:
        raise InvalidEvent("bad_number", "A number in the JSON has too many digits.") from None


def decode_object(text: str) -> JsonObject:
    """Parse a JSON object.

    Raises:
        InvalidEvent: as `decode`, or `not_object`.
    """
    value = decode(text)
    if not isinstance(value, dict):
        raise InvalidEvent("not_object", "The body is JSON, but not an object.")
    return value


def encode(value: object) -> str:
    """Write compact JSON in ASCII, as an answer, a log line and the store all want it.

    Raises:
        TypeError: something in it is not JSON.
        ValueError: NaN, an infinity, or an object that holds itself.
        RecursionError: it is nested too deeply.
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


# Made once: `json.loads` and `json.dumps` would make one for each text.
_decoder = json.JSONDecoder(
    object_pairs_hook=_unique, parse_constant=_no_constant, parse_float=_finite
)
_encoder = json.JSONEncoder(allow_nan=False, separators=(",", ":"))
