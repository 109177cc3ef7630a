"""What becomes of actions at the moment they leave: money is spent once, and by the rules."""

from collections.abc import Sequence
from typing import NamedTuple

from aiflow.domain import transitions
from aiflow.domain.announcements import blocked_announcement
from aiflow.domain.spending_policy import DenyReason, deny_reason
from aiflow.protocol.types import JsonObject
from aiflow.sessions.record import SessionRecord
from aiflow.settings import Settings

_CARRIES_ON = frozenset({"speak", "audio", "hangup", "transfer"})
"""After these the caller does not wait in silence."""


class Authorized(NamedTuple):
    """Actions as they leave.

    Attributes:
        actions: what is left of them.
        blocked: what the policy kept back, and why: `transfer:country`.
    """

    actions: tuple[JsonObject, ...]
    blocked: tuple[str, ...]


def authorize(item: SessionRecord, actions: Sequence[JsonObject], settings: Settings) -> Authorized:
    """Take out what costs money and was decided before, and what the policy forbids.

    Where that leaves the caller without an answer, a fixed sentence takes its place.
    """
    leaving: list[JsonObject] = []
    blocked: list[str] = []
    intents = {*item.billable_keys}
    left = {
        "send_sms": settings.max_sms - transitions.used_count(item, "send_sms"),
        "transfer": settings.max_transfers - transitions.used_count(item, "transfer"),
    }
    for action in actions:
        kind = str(action["type"])
        if kind in transitions.BILLABLE:
            intent = transitions.idempotency_key(action)
            if intent in intents:
                continue
            why = deny_reason(action, item.session, settings) if left[kind] > 0 else DenyReason.CAP
            if why:
                blocked.append(f"{kind}:{why}")
                continue
            intents.add(intent)
            left[kind] -= 1
        leaving.append(action)
    if blocked and _CARRIES_ON.isdisjoint(action["type"] for action in leaving):
        leaving.append(blocked_announcement(item.session_id, settings).to_wire())
    return Authorized(tuple(leaving), tuple(blocked))
