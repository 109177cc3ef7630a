"""How a call ended: told once, by the invocation that closes it."""

from enum import StrEnum
from typing import NamedTuple

from aiflow.sessions.record import SessionRecord, Status


class CallOutcome(StrEnum):
    """How a call went."""

    FINISHED = "finished"
    TRANSFERRED = "transferred"
    ABANDONED = "abandoned"
    FAILED = "failed"


class CallSummary(NamedTuple):
    """What is known of a call as a whole when it has ended.

    Attributes:
        outcome: how it went.
        seconds: from its first event to its end.
        turns: how often the caller said something.
        interruptions: how often the caller spoke while the agent did.
        silences: how often the caller said nothing where the agent waited for it.
    """

    outcome: CallOutcome
    seconds: float
    turns: int
    interruptions: int
    silences: int


def summarize_call(before: SessionRecord, after: SessionRecord, *, is_swept: bool) -> CallSummary:
    """Return what is told of a call as a whole.

    Args:
        before: the call as it was found.
        after: as it was committed, ended.
        is_swept: whether its end was never reported; then it lasted until its last sign of life.
    """
    end_ms = before.committed_at_ms if is_swept else after.committed_at_ms
    return CallSummary(
        outcome=_outcome(before, is_swept=is_swept),
        # The clocks of two instances may be apart.
        seconds=max(0, end_ms - after.first_event_at_ms) / 1000,
        turns=after.caller_turns,
        interruptions=after.interruptions,
        silences=after.input_timeouts,
    )


def _outcome(before: SessionRecord, *, is_swept: bool) -> CallOutcome:
    if before.consecutive_failures:
        return CallOutcome.FAILED
    # Before the sweeper's: nothing says that the service reports the end of a call that it has
    # handed to somebody else.
    if before.status is Status.TRANSFERRING:
        return CallOutcome.TRANSFERRED
    return CallOutcome.ABANDONED if is_swept else CallOutcome.FINISHED
