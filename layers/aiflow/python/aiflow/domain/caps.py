"""Caps: when a call has had all that the operator gives it."""

from enum import StrEnum

from aiflow.limits import Limits
from aiflow.sessions.record import SessionRecord

_MINUTE_MS = 60_000


class CallLimit(StrEnum):
    """What a call ran out of."""

    TURNS = "max_turns"
    MINUTES = "max_minutes"


def exceeded_limit(item: SessionRecord, limits: Limits, now_ms: int) -> CallLimit | None:
    """Return what a call has run out of, with the event that has just arrived."""
    if item.caller_turns > limits.max_turns:
        return CallLimit.TURNS
    if now_ms - item.first_event_at_ms >= limits.max_minutes * _MINUTE_MS:
        return CallLimit.MINUTES
    return None
