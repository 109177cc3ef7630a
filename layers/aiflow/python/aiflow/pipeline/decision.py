"""A decision: what is to be committed, and what leaves when it has been."""

from dataclasses import dataclass
from functools import cached_property

from aiflow.domain.caps import CallLimit
from aiflow.domain.outbox import encode_actions
from aiflow.pipeline.reply_stream import ReplyStream
from aiflow.protocol.types import JsonObject
from aiflow.sessions.record import SessionRecord
from aiflow.telemetry import Outcome


@dataclass(frozen=True)
class Decision:
    """What comes of an event, or of the next piece of its answer.

    Attributes:
        item: what is to be committed, if it differs from what was loaded.
        outcome: how the event went.
        actions: what is answered.
        foreign: how many actions named another session and were put right.
        blocked: what the policy kept back, and why.
        cap: what the call has run out of with this event, if it has.
        problems: codes of what the linter has to say about the answer.
        pieces: what the handler has still to say, where it says it piece by piece.
    """

    item: SessionRecord
    outcome: Outcome
    actions: tuple[JsonObject, ...] = ()
    foreign: int = 0
    blocked: tuple[str, ...] = ()
    cap: CallLimit | None = None
    problems: tuple[str, ...] = ()
    pieces: ReplyStream | None = None

    @cached_property
    def body(self) -> str | None:
        """The answer as it goes out; None for silence."""
        return encode_actions(self.actions)
