"""What becomes of actions at the moment they leave: money is spent once, and by the rules."""

from collections.abc import Sequence
from dataclasses import dataclass

from aiflow.protocol.types import JsonObject
from aiflow.runtime import lifecycle
from aiflow.runtime.policy import objection
from aiflow.runtime.sentences import refusal
from aiflow.runtime.settings import Settings
from aiflow.sessions.model import SessionItem

_CARRIES_ON = frozenset({"speak", "audio", "hangup", "transfer"})
"""After these the caller does not wait in silence."""


@dataclass(frozen=True)
class Departure:
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
    spent = {*item.ledger}
    for action in actions:
        if action["type"] in lifecycle.PRICED:
            mark = lifecycle.intent(action)
            if mark in spent:
                continue
            why = objection(action, item.session, settings)
            if why:
                blocked.append(f"{action['type']}:{why}")
                continue
            spent.add(mark)
        leaving.append(action)
    if blocked and _CARRIES_ON.isdisjoint(action["type"] for action in leaving):
        leaving.append(refusal(item.session_id, settings).to_wire())
    return Departure(tuple(leaving), tuple(blocked))
