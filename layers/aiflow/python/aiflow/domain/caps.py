"""Caps: when a call has had all that the operator gives it."""

from enum import StrEnum

from aiflow.limits import Limits
from aiflow.sessions.record import SessionItem

_MINUTE_MS = 60_000


class Cap(StrEnum):
    """What a call ran out of."""

    TURNS = "max_turns"
    MINUTES = "max_minutes"


def reached(item: SessionItem, limits: Limits, now_ms: int) -> Cap | None:
    """Return what a call has run out of, with the event that has just arrived."""
    if item.turns_taken > limits.max_turns:
        return Cap.TURNS
    if now_ms - item.begun_at_ms >= limits.max_minutes * _MINUTE_MS:
        return Cap.MINUTES
    return None
