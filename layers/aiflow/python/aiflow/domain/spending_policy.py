"""The spending policy: which billable actions may be sent, and how long a call may last.

It is checked when an action is about to be sent, after the handler and any language model.
"""

import re
from enum import StrEnum

from aiflow.domain.billable_actions import used_count
from aiflow.protocol.types import JsonObject
from aiflow.sessions.record import SessionRecord
from aiflow.settings import Settings

DEFAULT_COUNTRY = "DE"
"""The country of a call whose own number is unknown: that of sipgate."""

_E164 = re.compile(r"[1-9][0-9]{6,14}")
_TARGETS = {"transfer": "target_phone_number", "send_sms": "phone_number"}
_MINUTE_MS = 60_000


class CallLimit(StrEnum):
    """A limit of a whole call."""

    TURNS = "max_turns"
    MINUTES = "max_minutes"


class DenyReason(StrEnum):
    """Why an action is blocked."""

    DISABLED = "disabled"
    LOOP = "loop"
    RECIPIENT = "recipient"
    INVALID = "invalid"
    KIND = "kind"
    COUNTRY = "country"
    CAP = "cap"


def exceeded_limit(record: SessionRecord, settings: Settings, now_ms: int) -> CallLimit | None:
    """Return the limit that a call has exceeded with the event that was applied last."""
    if record.caller_turns > settings.max_turns:
        return CallLimit.TURNS
    if now_ms - record.first_event_at_ms >= settings.max_minutes * _MINUTE_MS:
        return CallLimit.MINUTES
    return None


def remaining_actions(record: SessionRecord, settings: Settings) -> dict[str, int]:
    """Return how many actions of each billable type the call has left."""
    return {
        "send_sms": settings.max_sms - used_count(record, "send_sms"),
        "transfer": settings.max_transfers - used_count(record, "transfer"),
    }


def deny_reason(action: JsonObject, session: JsonObject, settings: Settings) -> DenyReason | None:
    """Return why a billable action must not be sent; None if it may.

    Args:
        action: a `transfer` or a `send_sms`, as it would be sent.
        session: the members of the protocol's `session`.
        settings: the policy.
    """
    # A copied model is not validated again, so the number may be anything.
    number = str(action.get(_TARGETS[str(action["type"])])).removeprefix("+")
    is_sms = action["type"] == "send_sms"
    if settings.billable_actions == "disabled":
        return DenyReason.DISABLED
    if not is_sms and number in _own_numbers(session):
        return DenyReason.LOOP
    if number in settings.allowed_numbers or number == settings.fallback_number:
        return None
    if is_sms and settings.sms_recipients == "caller" and number != remote_number(session):
        return DenyReason.RECIPIENT
    return _deny_reason_of_number(number, session, settings, is_sms=is_sms)


def remote_number(session: JsonObject) -> str | None:
    """Return the number of the person on the line, if it is known."""
    other = session.get("to_phone_number" if _is_outbound(session) else "from_phone_number")
    number = _digits(other)
    return number if _E164.fullmatch(number) else None


def _deny_reason_of_number(
    number: str, session: JsonObject, settings: Settings, *, is_sms: bool
) -> DenyReason | None:
    # Most calls end without a lookup, and the numbering plans take long to load.
    from aiflow.domain.phone_numbers import look_up  # noqa: PLC0415 - see above

    info = look_up(number) if _E164.fullmatch(number) else None
    if info is None:
        return DenyReason.INVALID
    if not (info.is_mobile if is_sms else info.is_ordinary):
        return DenyReason.KIND
    own = (look_up(known) for known in sorted(_own_numbers(session)))
    own_countries = {known.country for known in own if known and known.country}
    allowed = settings.allowed_countries or own_countries or {DEFAULT_COUNTRY}
    return None if info.country in allowed else DenyReason.COUNTRY


def _own_numbers(session: JsonObject) -> set[str]:
    """Return the numbers that the agent itself answers."""
    # In outbound calls `phone_number` was seen to be the number of the remote party.
    names = ("from_phone_number",) if _is_outbound(session) else ("to_phone_number", "phone_number")
    return {_digits(session.get(name)) for name in names} - {""}


def _is_outbound(session: JsonObject) -> bool:
    return session.get("direction") == "outbound"


def _digits(number: object) -> str:
    """Return a number without `+` or `00` in front of its country code."""
    return re.sub(r"^(\+|00)", "", number.strip()) if isinstance(number, str) else ""
