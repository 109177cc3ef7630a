"""The summary of an ended call, reported once by the invocation that ends it."""

from enum import StrEnum
from typing import NamedTuple

from aiflow.sessions.record import SessionRecord, Status


class CallOutcome(StrEnum):
    """How a call ended."""

    FINISHED = "finished"
    TRANSFERRED = "transferred"
    ABANDONED = "abandoned"
    FAILED = "failed"


class CallSummary(NamedTuple):
    """The figures of an ended call.

    Attributes:
        outcome: how it ended.
        seconds: from its first event to its end.
        turns: how often the caller said something.
        interruptions: how often the caller spoke while the agent did.
        silences: how often the caller stayed silent although the agent waited for input.
    """

    outcome: CallOutcome
    seconds: float
    turns: int
    interruptions: int
    silences: int


def summarize_call(before: SessionRecord, after: SessionRecord, *, is_swept: bool) -> CallSummary:
    """Return the summary of a call.

    Args:
        before: the record before the call ended.
        after: the record as committed, ended.
        is_swept: whether the sweeper ended the call; then it lasted until its last commit before.
    """
    end_ms = before.committed_at_ms if is_swept else after.committed_at_ms
    return CallSummary(
        outcome=_outcome(before, is_swept=is_swept),
        # The clocks of two instances may differ.
        seconds=max(0, end_ms - after.first_event_at_ms) / 1000,
        turns=after.caller_turns,
        interruptions=after.interruptions,
        silences=after.input_timeouts,
    )


def _outcome(before: SessionRecord, *, is_swept: bool) -> CallOutcome:
    if before.consecutive_failures:
        return CallOutcome.FAILED
    # Before "abandoned": the service may not report the end of a call that it has transferred.
    if before.status is Status.TRANSFERRING:
        return CallOutcome.TRANSFERRED
    return CallOutcome.ABANDONED if is_swept else CallOutcome.FINISHED
