"""Mutants: products with one deliberate error each, which an invariant must detect."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, fields, replace
from functools import partial
from typing import Any, Self

from aiflow import Call, Event, Reply, SessionStart, UserSpeak
from aiflow.domain.decisions import CommitFirst, Decision, EventContext, Outcome
from aiflow.domain.deduplication import fingerprint
from aiflow.domain.guards import (
    GUARDS,
    Guard,
    Guards,
    commit_end_first,
    replay_duplicate,
    send_due_actions,
)
from aiflow.domain.transitions import apply_event
from aiflow.entrypoints.event import Entrypoint, MakeProcessor
from aiflow.errors import StoreUnavailable
from aiflow.pipeline.deadlines import Deadlines
from aiflow.pipeline.processor import EventProcessor
from aiflow.pipeline.reply_stream import ReplyStream
from aiflow.pipeline.runtime import Context, Runtime
from aiflow.pipeline.unit_of_work import UnitOfWork
from aiflow.protocol.actions import Action
from aiflow.sessions.record import SessionRecord
from aiflow.sessions.store import CommitConflict
from aiflow.telemetry import EventReport
from tests.helpers.in_process import for_every_event
from tests.simulation.agents import agents
from tests.simulation.execution import MakeAgents
from tests.simulation.fake_aws import FakeAws, MakeStore, production_store
from tests.simulation.mutant_processors import (
    ContinuesStaleAnswer,
    CountsAllFailures,
    DropsFailedTurn,
    IgnoresClosing,
    IgnoresHangup,
    KeepsDeferredActions,
    KeepsFailedState,
    NeverReconnects,
    StaleBillableKeys,
)
from tests.simulation.mutant_stores import (
    NoWriterId,
    OverflowAfterCommit,
    WholeHistoryOverwrite,
    never_expired,
    store_of,
    without_request_field,
)


@dataclass(frozen=True)
class Mutant:
    """A product with an error.

    Attributes:
        violates: the invariant that it violates.
        make_store: makes its store.
        make_agents: makes its agents.
    """

    violates: str
    make_store: MakeStore = production_store
    make_agents: MakeAgents = agents


# Wrong guards.


def without_guard(guard: Guard) -> Guards:
    """Return the guards without one of them."""
    return replace_guard(guard, lambda _context, _record: None)


def replace_guard(guard: Guard, wrong: Guard) -> Guards:
    """Return the guards with one of them replaced."""

    def exchanged(guards: tuple[Guard, ...]) -> tuple[Guard, ...]:
        return tuple(wrong if each is guard else each for each in guards)

    return Guards(exchanged(GUARDS.before_event), exchanged(GUARDS.after_event))


REPLAY_FIRST = GUARDS._replace(
    before_event=(
        replay_duplicate,
        *(each for each in GUARDS.before_event if each is not replay_duplicate),
    )
)
"""Replays an answer even after the end of the call."""


def replay_same_text(context: EventContext, record: SessionRecord) -> Decision | CommitFirst | None:
    """Treat the same text as a repetition at any later time."""
    if not isinstance(context.event, UserSpeak):
        return replay_duplicate(context, record)
    mark = fingerprint(context.event)
    known = next((each for each in record.processed_events if each.fingerprint == mark), None)
    if known is None:
        return None
    is_answered = context.is_retry or record.stream_owner
    return Decision(record, Outcome.DUPLICATE, () if is_answered else known.answer or ())


# Wrong decisions.


def send_due_again(context: EventContext, record: SessionRecord) -> Decision | CommitFirst | None:
    """Send deferred billable actions every time they are due."""
    return send_due_actions(context, replace(record, billable_keys=()))


class NoBillableKeys(EventProcessor):
    """Sends billable actions every time they are decided."""

    def _answer(self, record: SessionRecord, *, was_transferring: bool) -> Decision:
        unspent = replace(record, billable_keys=())
        return super()._answer(unspent, was_transferring=was_transferring)


class StartResetsRecord(EventProcessor):
    """Starts a new record with every `session_start`."""

    def _decide(self, stored: SessionRecord, *, is_retry: bool) -> Decision:
        if isinstance(self.event, SessionStart):
            stored = SessionRecord(
                session_id=stored.session_id, version=stored.version, writers=stored.writers
            )
        return super()._decide(stored, is_retry=is_retry)


class UnlimitedDeadlines(Deadlines):
    """Does not limit the handler."""

    def handler_seconds(self, since: float) -> float:
        """See `Deadlines.handler_seconds`."""
        del since
        return 1e6


class RetryWithoutDeadline(EventProcessor):
    """Ignores the answer deadline."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.deadlines = UnlimitedDeadlines(**vars(self.deadlines))


class NoLimits(EventProcessor):
    """Allows any number of messages and transfers."""

    def __post_init__(self) -> None:
        self.runtime = with_settings(self.runtime, max_sms=30, max_transfers=30)
        super().__post_init__()


class AnyNumber(frozenset[str]):
    """A set that contains every number."""

    def __contains__(self, number: object) -> bool:
        return True


class NoNumberPolicy(EventProcessor):
    """Allows calls to any number."""

    def __post_init__(self) -> None:
        self.runtime = with_settings(self.runtime, allowed_numbers=AnyNumber())
        super().__post_init__()


def with_settings(runtime: Runtime, **members: object) -> Runtime:
    """Return a runtime with changed settings."""
    return replace(runtime, settings=runtime.settings.model_copy(update=members))


class FillerWithoutAnswer(EventProcessor):
    """Sends the filler and drops the answer."""

    def _decide_chunk(
        self,
        stream: ReplyStream,
        actions: tuple[Action, ...],
        stored: SessionRecord,
        *,
        is_retry: bool,
    ) -> Decision:
        dropped = () if self.report.counts.get("Filler") else actions
        return super()._decide_chunk(stream, dropped, stored, is_retry=is_retry)


# Wrong orders.


@dataclass
class LateKeysUnit(UnitOfWork):
    """Commits without new billable keys and remembers them."""

    late: tuple[str, ...] = field(default=(), init=False)

    def commit(self, record: SessionRecord) -> SessionRecord:
        """See `UnitOfWork.commit`."""
        known = self.runtime.sessions.load(record.session_id)
        keys = known.billable_keys if known else ()
        self.late = tuple(key for key in record.billable_keys if key not in keys)
        return super().commit(replace(record, billable_keys=keys))


class KeysAfterAnswer(EventProcessor):
    """Sends first and stores the billable keys afterwards."""

    def _make_unit(self) -> UnitOfWork:
        self._late = LateKeysUnit(**init_members(super()._make_unit()))
        return self._late

    def process(self) -> None:
        """See `EventProcessor.process`."""
        super().process()
        late = self._late.late
        if late and self.unit.load().version:
            stored = self.unit.stored
            UnitOfWork.commit(self.unit, replace(stored, billable_keys=stored.billable_keys + late))


def init_members(unit: UnitOfWork) -> dict[str, Any]:
    """Return the arguments that create a copy of a unit of work."""
    return {each.name: getattr(unit, each.name) for each in fields(unit) if each.init}


class HandlerBeforeEndCommit(EventProcessor):
    """Runs the handler of an abandoned call before it commits the end."""

    def close_abandoned(self, record: SessionRecord) -> None:
        """See `EventProcessor.close_abandoned`."""
        self.unit.stored, self.unit.is_swept = record, True
        ended = apply_event(record, self.event, self._context().now_ms)
        with suppress(CommitConflict):
            decision = self._answer(ended, was_transferring=False)
            self.unit.commit_decision(decision)
            self._send(decision)
            self.report.count("AbandonedCalls")


class ClosesActiveCalls(EventProcessor):
    """Closes a call even if it became active again."""

    def close_abandoned(self, record: SessionRecord) -> None:
        """See `EventProcessor.close_abandoned`."""
        super().close_abandoned(record)
        if self.report.outcome is Outcome.LATE:
            self.report.outcome = Outcome.SILENT
            super().close_abandoned(self.unit.load())


class ServerErrors(EventProcessor):
    """Raises if the store fails."""

    def recover(self, *, store_available: bool) -> None:
        """See `EventProcessor.recover`."""
        if self.report.reason == "store":
            raise StoreUnavailable("this is a 5xx")
        super().recover(store_available=store_available)


# Wrong entrypoints.


class LogsHeaders(Entrypoint):
    """Logs the headers of a request, including the token."""

    @classmethod
    def of(cls, right: Entrypoint) -> Self:
        """Return the mutant of an entrypoint."""
        return cls(right.handle, right._answers, right._runtime)  # noqa: SLF001 - a subclass

    def __call__(self, envelope: Mapping[str, Any], context: Context) -> Any:  # noqa: ANN401 - JSON
        """See `Entrypoint.__call__`."""
        report = EventReport(request_id=context.aws_request_id)
        report.details["headers"] = str(envelope.get("headers"))
        self._runtime().telemetry.write(report, 0)
        return super().__call__(envelope, context)


def header_logged(aws: FakeAws) -> Mapping[str, Entrypoint]:
    """Return the agents with an entrypoint that logs headers."""
    return {name: LogsHeaders.of(right) for name, right in agents(aws).items()}


def with_processor(processor: MakeProcessor) -> MakeAgents:
    """Return a factory of agents with this processor."""

    def make(aws: FakeAws) -> Mapping[str, Entrypoint]:
        # Each invocation replaces the runtime but keeps the processor.
        runtime = aws.sweepers[0]
        return {name: right.bind(runtime, processor) for name, right in agents(aws).items()}

    return make


def with_guards(guards: Guards) -> MakeAgents:
    """Return a factory of agents with these guards."""
    return with_processor(partial(EventProcessor, guards=guards))


NO_BILLABLE_KEYS = partial(NoBillableKeys, guards=replace_guard(send_due_actions, send_due_again))


def module_level_session(aws: FakeAws) -> Mapping[str, Entrypoint]:
    """Return an agent that shares the current call between all calls."""
    current: list[Call] = []

    def forgetful(event: Event, call: Call) -> Reply:
        if not isinstance(event, UserSpeak):
            return None
        current[:] = [call]
        call.state.setdefault("said", event.text)
        aws.advance(aws.random.randint(f"{aws.run.call}:model", 50, 750))
        return current[0].speak(f"Heard: {current[0].state['said']}")

    return {"forgetful": for_every_event(forgetful)}


MUTANTS: Mapping[str, Mutant] = {
    "no fingerprint": Mutant("I1", make_agents=with_guards(without_guard(replay_duplicate))),
    "blind read-modify-write": Mutant(
        "I1", make_store=without_request_field("ConditionExpression")
    ),
    "no writer id": Mutant("I5", make_store=store_of(NoWriterId)),
    "late events rejected after replay": Mutant("I6", make_agents=with_guards(REPLAY_FIRST)),
    "no billable keys": Mutant("I4", make_agents=with_processor(NO_BILLABLE_KEYS)),
    "billable keys stored after the answer": Mutant(
        "I4", make_agents=with_processor(KeysAfterAnswer)
    ),
    "module-level current session": Mutant("I7", make_agents=module_level_session),
    "whole-history overwrite": Mutant("I2", make_store=store_of(WholeHistoryOverwrite)),
    "stale read": Mutant("I2", make_store=without_request_field("ConsistentRead")),
    "session_start resets": Mutant("I2", make_agents=with_processor(StartResetsRecord)),
    "TTL trusted for deletion": Mutant("I8", make_store=never_expired),
    "5xx on store error": Mutant("I9", make_agents=with_processor(ServerErrors)),
    "no limits": Mutant("I10", make_agents=with_processor(NoLimits)),
    "no number policy": Mutant("I11", make_agents=with_processor(NoNumberPolicy)),
    "handler before the commit of the end": Mutant(
        "I15", make_agents=with_processor(HandlerBeforeEndCommit)
    ),
    "sweeper closes active calls": Mutant("I15", make_agents=with_processor(ClosesActiveCalls)),
    "late end without commit first": Mutant(
        "I15", make_agents=with_guards(without_guard(commit_end_first))
    ),
    "filler without an answer": Mutant("I9", make_agents=with_processor(FillerWithoutAnswer)),
    "headers logged": Mutant("I12", make_agents=header_logged),
    "text-only fingerprint": Mutant(
        "I1", make_agents=with_guards(replace_guard(replay_duplicate, replay_same_text))
    ),
    "stale billable keys after a conflict": Mutant(
        "I4", make_agents=with_processor(StaleBillableKeys)
    ),
    "no reconnect": Mutant("I9", make_agents=with_processor(NeverReconnects)),
    "all failures of a call counted": Mutant("I9", make_agents=with_processor(CountsAllFailures)),
    "failed turn dropped": Mutant("I1", make_agents=with_processor(DropsFailedTurn)),
    "state of a failed handler stored": Mutant("I2", make_agents=with_processor(KeepsFailedState)),
    "overflow stored after the commit": Mutant("I2", make_store=store_of(OverflowAfterCommit)),
    "stale answer continued": Mutant("I3", make_agents=with_processor(ContinuesStaleAnswer)),
    "deferred actions kept": Mutant("I5", make_agents=with_processor(KeepsDeferredActions)),
    "hang-up ignored": Mutant("I6", make_agents=with_processor(IgnoresHangup)),
    "closing ignored": Mutant("I10", make_agents=with_processor(IgnoresClosing)),
    "retry without deadline": Mutant("I9", make_agents=with_processor(RetryWithoutDeadline)),
}
"""Mutants by name. Each error occurred in a real product."""
