"""Phone numbers on the command line: parsed from options, masked in output."""

import re

import phonenumbers

from aiflow.protocol.types import JsonObject

_SHORTEST, _LONGEST = 7, 15


def remote_party(session: JsonObject) -> object:
    """Return the number of the other party, as the service sent it; None if it sent none."""
    is_outbound = session.get("direction") == "outbound"
    return session.get("to_phone_number" if is_outbound else "from_phone_number")


def agent_number(session: JsonObject) -> object:
    """Return the number of the agent, as the service sent it; None if it sent none."""
    is_outbound = session.get("direction") == "outbound"
    return session.get("from_phone_number" if is_outbound else "to_phone_number")


def normalize_number(given: str) -> str | None:
    """Return the digits of a number; None unless it is a number with a country code."""
    digits = re.sub(r"[\s()./-]", "", given)
    digits = re.sub(r"^(\+|00)", "", digits)
    is_number = re.fullmatch(r"[1-9][0-9]*", digits) and _SHORTEST <= len(digits) <= _LONGEST
    return digits if is_number else None


def display_number(number: object, *, is_revealed: bool) -> str:
    """Return a number for display, reduced to its country code and last two digits by default."""
    if not isinstance(number, str):
        return "unknown"
    digits = re.sub(r"\D", "", number)
    if not digits:
        return "withheld"
    return number if is_revealed else _masked(digits)


def _masked(digits: str) -> str:
    if len(digits) < _SHORTEST:
        # Two digits would be a large part of so short a number.
        return "..."
    try:
        country = f"+{phonenumbers.parse(f'+{digits}').country_code}"
    except phonenumbers.NumberParseException:
        country = ""
    return f"{country}...{digits[-2:]}"
