"""What becomes of actions at the moment they leave: money is spent once, and by the rules."""

from collections.abc import Sequence
from typing import NamedTuple

from aiflow.domain import transitions
from aiflow.domain.announcements import refusal
from aiflow.domain.spending_policy import Objection, objection
from aiflow.protocol.types import JsonObject
from aiflow.sessions.record import SessionItem
from aiflow.settings import Settings

_CARRIES_ON = frozenset({"speak", "audio", "hangup", "transfer"})
"""After these the caller does not wait in silence."""


class Departure(NamedTuple):
    """Actions as they leave.

    Attributes:
        actions: what is left of them.
        blocked: what the policy kept back, and why: `transfer:country`.
    """

    actions: tuple[JsonObject, ...]
    blocked: tuple[str, ...]


def departure(item: SessionItem, actions: Sequence[JsonObject], settings: Settings) -> Departure:
    """Take out what costs money and was decided before, and what the policy forbids.

    Where that leaves the caller without an answer, a fixed sentence takes its place.
    """
    leaving: list[JsonObject] = []
    blocked: list[str] = []
    intents = {*item.ledger}
    left = {
        "send_sms": settings.max_sms - transitions.spent(item, "send_sms"),
        "transfer": settings.max_transfers - transitions.spent(item, "transfer"),
    }
    for action in actions:
        kind = str(action["type"])
        if kind in transitions.PRICED:
            intent = transitions.intent(action)
            if intent in intents:
                continue
            why = objection(action, item.session, settings) if left[kind] > 0 else Objection.CAP
            if why:
                blocked.append(f"{kind}:{why}")
                continue
            intents.add(intent)
            left[kind] -= 1
        leaving.append(action)
    if blocked and _CARRIES_ON.isdisjoint(action["type"] for action in leaving):
        leaving.append(refusal(item.session_id, settings).to_wire())
    return Departure(tuple(leaving), tuple(blocked))
