"""Value types that events and actions share, with the constraints of the protocol."""

import re
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Strict

from aiflow.protocol.constraints import TextConstraint

__all__ = [
    "E164",
    "PHRASE_MAX_CHARACTERS",
    "SESSION_ID_MAX_CHARACTERS",
    "Integer",
    "JsonObject",
    "JsonValue",
    "LanguageTag",
    "NonBlankText",
    "Number",
    "SessionId",
    "SingleLineText",
    "VocabularyPhrase",
    "clean",
]

type JsonValue = str | int | float | bool | list[JsonValue] | dict[str, JsonValue] | None
"""Any JSON value."""

type JsonObject = dict[str, JsonValue]
"""A JSON object."""

SESSION_ID_MAX_CHARACTERS = 256
PHRASE_MAX_CHARACTERS = 200

# Compiled on first use, since most calls need none of them, and compiling slows a cold start.
_CONTROL = r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufffe\uffff]"
_SURROGATE = "[\ud800-\udfff]"
_UNSTORABLE = "[\x00-\x1f\x7f-\x9f\ud800-\udfff]"
_E164 = r"\+?([1-9][0-9]{6,14})"
# RFC 5646 section 2.1, without the irregular tags, which exist only for old data. The pattern is
# published in JSON Schema, which has no flag to ignore case, so both cases are listed.
_BCP47 = (
    r"(?:[A-Za-z]{2,3}(?:-[A-Za-z]{3}){0,3}|[A-Za-z]{4,8})"  # language, extended language
    r"(?:-[A-Za-z]{4})?"  # script
    r"(?:-(?:[A-Za-z]{2}|[0-9]{3}))?"  # region
    r"(?:-(?:[A-Za-z0-9]{5,8}|[0-9][A-Za-z0-9]{3}))*"  # variants
    r"(?:-[0-9A-WY-Za-wy-z](?:-[A-Za-z0-9]{2,8})+)*"  # extensions
    r"(?:-[Xx](?:-[A-Za-z0-9]{1,8})+)?"  # private use
)


def clean(text: str) -> str:
    r"""Remove control characters from `text`, and replace lone surrogates with U+FFFD.

    Tabs and line breaks stay. Speech recognition and language models sometimes produce other
    control characters, which stores and speech engines reject. XML also rejects U+FFFE and U+FFFF.
    The JSON parser has combined pairs like `\ud83d\ude00`, so every surrogate left is a lone one.
    """
    if _is_plain(text):
        return text
    return re.sub(_SURROGATE, "\ufffd", re.sub(_CONTROL, "", text))


def _is_plain(text: str) -> bool:
    return text.isascii() and text.isprintable()


def _session_id(value: object) -> str | None:
    if not isinstance(value, str) or not 1 <= len(value) <= SESSION_ID_MAX_CHARACTERS:
        return None
    return value if _is_plain(value) or not re.search(_UNSTORABLE, value) else None


def _e164(value: object) -> str | None:
    found = re.fullmatch(_E164, value) if isinstance(value, str) else None
    return found[1] if found else None


def _language_tag(value: object) -> str | None:
    return value if isinstance(value, str) and re.fullmatch(_BCP47, value) else None


def _non_blank_text(value: object) -> str | None:
    cleaned = clean(value) if isinstance(value, str) else ""
    return cleaned if cleaned.strip() else None


def _single_line_text(value: object) -> str | None:
    return " ".join((_non_blank_text(value) or "").split()) or None


def _vocabulary_phrase(value: object) -> str | None:
    fits = isinstance(value, str) and len(value) <= PHRASE_MAX_CHARACTERS
    return _single_line_text(value) if fits else None


def _integral_float_to_int(value: object) -> object:
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _without_zero_fraction(value: float) -> float:
    return int(value) if value.is_integer() else value


SessionId = Annotated[
    str,
    TextConstraint(
        _session_id,
        f"must be a string of 1 to {SESSION_ID_MAX_CHARACTERS} characters without control"
        " characters or lone surrogates",
        {
            "minLength": 1,
            "maxLength": SESSION_ID_MAX_CHARACTERS,
            "pattern": r"^[^\x00-\x1f\x7f-\x9f]*$",
        },
    ),
]
"""The opaque id of a call session: 1 to 256 characters without control characters."""

E164 = Annotated[
    str,
    TextConstraint(
        _e164,
        "must be an E.164 number: 7 to 15 digits that start with the country code, like"
        " 493023125001 (with or without a leading +, but not 00)",
        {"pattern": f"^{_E164}$"},
    ),
]
"""A phone number, accepted with or without `+`, and sent without."""

LanguageTag = Annotated[
    str,
    TextConstraint(
        _language_tag,
        "must be a well-formed BCP-47 language tag, like de-DE",
        {"pattern": f"^{_BCP47}$"},
    ),
]
"""A well-formed BCP-47 language tag."""

NonBlankText = Annotated[
    str, TextConstraint(_non_blank_text, "must be a text that is not blank", {"pattern": r"\S"})
]
"""Text that is not blank, without control characters (see `clean`)."""

SingleLineText = Annotated[
    str, TextConstraint(_single_line_text, "must be a text that is not blank", {"pattern": r"\S"})
]
"""A `NonBlankText` on one line, for names that may be sent in a header."""

VocabularyPhrase = Annotated[
    str,
    TextConstraint(
        _vocabulary_phrase,
        f"must be a text of 1 to {PHRASE_MAX_CHARACTERS} characters that is not blank",
        {"maxLength": PHRASE_MAX_CHARACTERS, "pattern": r"\S"},
    ),
]
"""A `SingleLineText` of limited length."""

Integer = Annotated[int, Strict(), BeforeValidator(_integral_float_to_int)]
"""An integer, but not a `bool` or a numeric string; `30.0` is accepted, as in JSON."""

Number = Annotated[float, Strict(), AfterValidator(_without_zero_fraction)]
"""A number, but not a `bool` or a numeric string; `30.0` is normalized to `30`."""
