"""The value types that events and actions share, each with the rule that the protocol gives it."""

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
"""Anything that JSON can say."""

type JsonObject = dict[str, JsonValue]
"""A JSON object."""

SESSION_ID_MAX_CHARACTERS = 256
PHRASE_MAX_CHARACTERS = 200

# Compiled by `re` when one is needed: most calls need none of them, and a cold start all its time.
_CONTROL = r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufffe\uffff]"
_SURROGATE = "[\ud800-\udfff]"
_UNSTORABLE = "[\x00-\x1f\x7f-\x9f\ud800-\udfff]"
_E164 = r"\+?([1-9][0-9]{6,14})"
# RFC 5646 section 2.1, without the irregular tags that the registry keeps only for old data. Both
# cases are spelled out, since JSON Schema, which publishes this, has no flag for them.
_BCP47 = (
    r"(?:[A-Za-z]{2,3}(?:-[A-Za-z]{3}){0,3}|[A-Za-z]{4,8})"  # language, extended language
    r"(?:-[A-Za-z]{4})?"  # script
    r"(?:-(?:[A-Za-z]{2}|[0-9]{3}))?"  # region
    r"(?:-(?:[A-Za-z0-9]{5,8}|[0-9][A-Za-z0-9]{3}))*"  # variants
    r"(?:-[0-9A-WY-Za-wy-z](?:-[A-Za-z0-9]{2,8})+)*"  # extensions
    r"(?:-[Xx](?:-[A-Za-z0-9]{1,8})+)?"  # private use
)


def clean(text: str) -> str:
    r"""Return `text` without control characters and with lone surrogates as U+FFFD.

    Tab and line breaks stay. Speech recognition and language models produce the others now and
    then, and no store and no speech engine takes them; nor does XML take U+FFFE and U+FFFF.
    `\ud83d\ude00` in JSON is one character by now, so that every surrogate left is a lone one.
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


def _words(value: object) -> str | None:
    cleaned = clean(value) if isinstance(value, str) else ""
    return cleaned if cleaned.strip() else None


def _line(value: object) -> str | None:
    return " ".join((_words(value) or "").split()) or None


def _phrase(value: object) -> str | None:
    fits = isinstance(value, str) and len(value) <= PHRASE_MAX_CHARACTERS
    return _line(value) if fits else None


def _whole(value: object) -> object:
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _shortest(value: float) -> float:
    return int(value) if value.is_integer() else value


SessionId = Annotated[
    str,
    TextConstraint(
        _session_id,
        f"must be a text of 1 to {SESSION_ID_MAX_CHARACTERS} characters, none of them a control"
        " character or a lone surrogate",
        {
            "minLength": 1,
            "maxLength": SESSION_ID_MAX_CHARACTERS,
            "pattern": r"^[^\x00-\x1f\x7f-\x9f]*$",
        },
    ),
]
"""The id of a call session: opaque, 1 to 256 characters, none of them a control character."""

E164 = Annotated[
    str,
    TextConstraint(
        _e164,
        "must be an E.164 number: 7 to 15 digits that start with the country code, like"
        " 493023125001 (a + in front is fine, 00 is not)",
        {"pattern": f"^{_E164}$"},
    ),
]
"""A phone number, accepted with or without `+`, kept and sent without."""

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
    str, TextConstraint(_words, "must be a text that is not blank", {"pattern": r"\S"})
]
"""Text for a person: cleaned (see `clean`), never blank."""

SingleLineText = Annotated[
    str, TextConstraint(_line, "must be a text that is not blank", {"pattern": r"\S"})
]
"""A name: as `NonBlankText`, but on one line, since it may become part of a header on its way."""

VocabularyPhrase = Annotated[
    str,
    TextConstraint(
        _phrase,
        f"must be a text of 1 to {PHRASE_MAX_CHARACTERS} characters that is not blank",
        {"maxLength": PHRASE_MAX_CHARACTERS, "pattern": r"\S"},
    ),
]
"""An entry of a vocabulary: as `SingleLineText`, of bounded length."""

Integer = Annotated[int, Strict(), BeforeValidator(_whole)]
"""An integer and no `bool`, nor a text with digits; `30.0` is one, as it is in JSON."""

Number = Annotated[float, Strict(), AfterValidator(_shortest)]
"""A number and no `bool`, nor a text with digits; kept without a fraction that is zero."""
