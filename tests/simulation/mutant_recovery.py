"""Mutants that are wrong only after failures and conflicts; see `mutants`."""

from dataclasses import dataclass, field, replace
from typing import Any

from aiflow import Call, UserSpeak
from aiflow.domain.answers import uncounted_apology
from aiflow.domain.decisions import Decision, Outcome
from aiflow.pipeline.handler_runner import HandlerRunner
from aiflow.pipeline.processor import EventProcessor
from aiflow.pipeline.reply_stream import ReplyStream
from aiflow.pipeline.unit_of_work import UnitOfWork
from aiflow.protocol.actions import Action
from aiflow.sessions.record import SessionRecord, Status
from aiflow.sessions.store import CommitConflict
from tests.simulation.mutant_commits import init_members

OVER = frozenset({Status.HANGING_UP, Status.GONE, Status.ENDED})


class CountsAllFailures(EventProcessor):
    """Counts all failures of a call instead of those in a row."""

    def _answer(self, record: SessionRecord, *, was_transferring: bool) -> Decision:
        decision = super()._answer(record, was_transferring=was_transferring)
        return _with(decision, consecutive_failures=record.consecutive_failures)

    def _decide_chunk(
        self,
        stream: ReplyStream,
        actions: tuple[Action, ...],
        stored: SessionRecord,
        *,
        is_retry: bool,
    ) -> Decision:
        decision = super()._decide_chunk(stream, actions, stored, is_retry=is_retry)
        return _with(decision, consecutive_failures=stored.consecutive_failures)


class DropsFailedTurn(EventProcessor):
    """Stores nothing of an event whose handler failed."""

    def _decide_failure(self, stored: SessionRecord, *, is_retry: bool) -> Decision:
        del is_retry
        record = self._bind_connection(stored)
        return Decision(record, Outcome.DEGRADED, uncounted_apology(self._context()))


@dataclass(frozen=True)
class RememberingRunner(HandlerRunner):
    """Remembers the calls that it built."""

    calls: list[Call] = field(default_factory=list[Call])

    def build_call(self, record: SessionRecord, *, was_transferring: bool) -> Call:
        """See `HandlerRunner.build_call`."""
        call = super().build_call(record, was_transferring=was_transferring)
        self.calls.append(call)
        return call


class KeepsFailedState(EventProcessor):
    """Stores what a handler did to the state before it failed."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self._remembering = RememberingRunner(**vars(self.runner))
        self.runner = self._remembering

    def _decide_failure(self, stored: SessionRecord, *, is_retry: bool) -> Decision:
        decision = super()._decide_failure(stored, is_retry=is_retry)
        calls = self._remembering.calls
        if not calls or decision.record == stored:
            return decision
        return _with(decision, state=calls[-1].state)


class IgnoresHangup(EventProcessor):
    """Hangs up but keeps the call active."""

    def _decide(self, stored: SessionRecord, *, is_retry: bool) -> Decision:
        decision = super()._decide(stored, is_retry=is_retry)
        has_hung_up = decision.record.status is Status.HANGING_UP
        if has_hung_up and stored.status is not Status.HANGING_UP:
            return _with(decision, status=Status.ACTIVE)
        return decision


class KeepsDeferredActions(EventProcessor):
    """Keeps deferred actions although the caller continued to talk."""

    def _decide(self, stored: SessionRecord, *, is_retry: bool) -> Decision:
        decision = super()._decide(stored, is_retry=is_retry)
        is_dropped = stored.deferred_actions and not decision.record.deferred_actions
        if isinstance(self.event, UserSpeak) and is_dropped and decision.record != stored:
            return _with(decision, deferred_actions=stored.deferred_actions)
        return decision


class IgnoresClosing(EventProcessor):
    """Answers a caller who talks after the final announcement."""

    def _decide(self, stored: SessionRecord, *, is_retry: bool) -> Decision:
        return super()._decide(replace(stored, closing=False), is_retry=is_retry)


class ContinuesStaleAnswer(EventProcessor):
    """Continues an answer although a newer turn was taken."""

    def _decide_chunk(
        self,
        stream: ReplyStream,
        actions: tuple[Action, ...],
        stored: SessionRecord,
        *,
        is_retry: bool,
    ) -> Decision:
        must_stop = is_retry and stored.status in OVER
        return super()._decide_chunk(stream, actions, stored, is_retry=must_stop)


@dataclass
class StaleKeysUnit(UnitOfWork):
    """Continues after a conflict with the billable keys of the first load."""

    def commit(self, record: SessionRecord) -> SessionRecord:
        """See `UnitOfWork.commit`."""
        try:
            return super().commit(record)
        except CommitConflict as conflict:
            keys, current = self.first_loaded.billable_keys, conflict.current
            stale = current and replace(current, billable_keys=keys)
            raise CommitConflict(stale) from conflict


class StaleBillableKeys(EventProcessor):
    """Retries a lost commit with outdated billable keys."""

    def _make_unit(self) -> UnitOfWork:
        return StaleKeysUnit(**init_members(super()._make_unit()))


class NeverReconnects(EventProcessor):
    """Does not reopen a call whose lost connection was replaced."""

    def _bind_connection(self, stored: SessionRecord) -> SessionRecord:
        return replace(super()._bind_connection(stored), status=stored.status)


def _with(decision: Decision, **members: Any) -> Decision:  # noqa: ANN401 - fields of a record
    return replace(decision, record=replace(decision.record, **members))
