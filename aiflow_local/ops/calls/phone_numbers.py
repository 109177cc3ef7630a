"""Telephone numbers, as an operator gives them and is shown them."""

import re

import phonenumbers

from aiflow.protocol.types import JsonObject

_SHORTEST, _LONGEST = 7, 15


def person(session: JsonObject) -> object:
    """Return the number of the person on the line, as the service sent it; None if it did not."""
    is_outbound = session.get("direction") == "outbound"
    return session.get("to_phone_number" if is_outbound else "from_phone_number")


def own(session: JsonObject) -> object:
    """Return the number that the agent has in this call, likewise."""
    is_outbound = session.get("direction") == "outbound"
    return session.get("from_phone_number" if is_outbound else "to_phone_number")


def international(given: str) -> str | None:
    """Return the digits of a number with its country code; None if it has none."""
    digits = re.sub(r"[\s()./-]", "", given)
    digits = re.sub(r"^(\+|00)", "", digits)
    is_one = re.fullmatch(r"[1-9][0-9]*", digits) and _SHORTEST <= len(digits) <= _LONGEST
    return digits if is_one else None


def told(number: object, *, is_revealed: bool) -> str:
    """Return a number for a person to read: hidden but for its country and its last two digits."""
    if not isinstance(number, str):
        return "unknown"
    digits = re.sub(r"\D", "", number)
    if not digits:
        return "withheld"
    return number if is_revealed else _masked(digits)


def _masked(digits: str) -> str:
    if len(digits) < _SHORTEST:
        # Two digits of four would be half of it.
        return "..."
    try:
        country = f"+{phonenumbers.parse(f'+{digits}').country_code}"
    except phonenumbers.NumberParseException:
        country = ""
    return f"{country}...{digits[-2:]}"
