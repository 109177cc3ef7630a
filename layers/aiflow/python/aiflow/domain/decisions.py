"""Decisions: what is known when an event is decided, and what comes out of it."""

from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import NamedTuple

from aiflow.domain.deduplication import find_duplicate
from aiflow.domain.outbox import encode_actions
from aiflow.domain.spending_policy import CallLimit
from aiflow.protocol.events import (
    DtmfReceived,
    Event,
    SessionEnd,
    SessionStart,
    SmsFailed,
    UserInputTimeout,
    UserSpeak,
)
from aiflow.protocol.types import JsonObject
from aiflow.sessions.record import ProcessedEvent, SessionRecord, Status
from aiflow.settings import Settings

AWAITED_EVENTS = (SessionStart, UserSpeak, DtmfReceived, UserInputTimeout, SmsFailed)
"""Events after which the caller waits for an answer: after these a failure must be audible."""


class Outcome(StrEnum):
    """How an event was handled."""

    ANSWERED = "answered"
    SILENT = "silent"
    DUPLICATE = "duplicate"
    LATE = "late"
    UNKNOWN = "unknown"
    MISROUTED = "misrouted"
    REFUSED = "refused"
    SUPERSEDED = "superseded"
    GONE = "gone"
    DEGRADED = "degraded"


class EventContext(NamedTuple):
    """An event and what a decision about it may depend on besides the record.

    Attributes:
        event: that happened.
        settings: of the stack.
        fingerprint_key: keys the fingerprints of events.
        is_awaited: whether the caller waits for an answer to this event.
        stream_owner: value of `SessionRecord.stream_owner` while this invocation streams an answer.
        arrived_at_ms: Unix time at which the event arrived.
        now_ms: Unix time of this decision.
        is_retry: whether another invocation has just committed, so that this is decided again.
        owner_at_load: `stream_owner` of the record when this invocation first loaded it.
    """

    event: Event
    settings: Settings
    fingerprint_key: bytes
    is_awaited: bool
    stream_owner: str
    arrived_at_ms: int
    now_ms: int
    is_retry: bool = False
    owner_at_load: str = ""

    def is_late(self, record: SessionRecord) -> bool:
        """Tell whether the call is over; `session_end` is late only for an ended call."""
        if isinstance(self.event, SessionEnd):
            return record.status is Status.ENDED
        return record.status in {Status.ENDED, Status.GONE, Status.HANGING_UP}

    def find_duplicate(self, record: SessionRecord) -> ProcessedEvent | None:
        """Return the processed event that this event repeats, if any."""
        return find_duplicate(
            record,
            self.event,
            self.arrived_at_ms,
            self.fingerprint_key,
            handler_timeout_ms=int(self.settings.answer_deadline_seconds * 1000),
        )


@dataclass(frozen=True)
class Decision:
    """The result for an event, or for the next chunk of a streamed answer.

    Attributes:
        record: to commit, if it differs from the stored one.
        outcome: how the event was handled.
        actions: to send after the commit.
        corrected: how many actions named another session and were corrected.
        blocked: actions that the policy blocked, and why.
        limit: the call limit that this event exceeded, if any.
        findings: codes of the linter's findings about the answer.
        is_chunk: whether this continues a streamed answer; then it is committed even if the record
            is unchanged, so that it conflicts with a later turn of the caller.
    """

    record: SessionRecord
    outcome: Outcome
    actions: tuple[JsonObject, ...] = ()
    corrected: int = 0
    blocked: tuple[str, ...] = ()
    limit: CallLimit | None = None
    findings: tuple[str, ...] = ()
    is_chunk: bool = False

    @cached_property
    def body(self) -> str | None:
        """The answer as it is sent; None for silence."""
        return encode_actions(self.actions)


class CommitFirst(NamedTuple):
    """The result of a guard that needs a commit before the handler runs.

    Attributes:
        record: to commit; processing continues with the committed version.
    """

    record: SessionRecord
