"""Wrong products, each in one way: a simulation that passes one of them detects nothing."""

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
from tests.helpers.in_process import untyped_entrypoint
from tests.simulation.agents import agents
from tests.simulation.cloud import Cloud, MakeStore, production_store
from tests.simulation.happened import MakeAgents
from tests.simulation.mutant_stores import (
    LeavesTooLate,
    NoWriterId,
    WholeHistoryOverwrite,
    careless,
    made_by,
    never_expiring,
)
from tests.simulation.mutant_turns import (
    DoesNotListen,
    ForgetsTheHangup,
    ForgetsWhatFailed,
    GoneForEver,
    KeepsWhatFailed,
    NeverForgives,
    OldLedger,
    TalkedOutOfIt,
    TalksOver,
)


@dataclass(frozen=True)
class Mutant:
    """A wrong product.

    Attributes:
        attacks: the invariant that it breaks.
        make_store: makes its store.
        make_agents: makes its agents.
    """

    attacks: str
    make_store: MakeStore = production_store
    make_agents: MakeAgents = agents


# Wrong guards.


def without(guard: Guard) -> Guards:
    """Return the guards without one of them."""
    return instead(guard, lambda _context, _record: None)


def instead(guard: Guard, wrong: Guard) -> Guards:
    """Return the guards with a wrong one in the place of another."""

    def exchanged(guards: tuple[Guard, ...]) -> tuple[Guard, ...]:
        return tuple(wrong if each is guard else each for each in guards)

    return Guards(exchanged(GUARDS.before_event), exchanged(GUARDS.after_event))


REPLAY_FIRST = GUARDS._replace(
    before_event=(
        replay_duplicate,
        *(each for each in GUARDS.before_event if each is not replay_duplicate),
    )
)
"""Replays an answer even if the call is over."""


def replay_same_text(context: EventContext, record: SessionRecord) -> Decision | CommitFirst | None:
    """Take the same words for a repetition, however much later."""
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
    """Send deferred billable actions as often as they are due."""
    return send_due_actions(context, replace(record, billable_keys=()))


class NoLedger(EventProcessor):
    """Sends billable actions as often as they are decided."""

    def _answer(self, record: SessionRecord, *, was_transferring: bool) -> Decision:
        unspent = replace(record, billable_keys=())
        return super()._answer(unspent, was_transferring=was_transferring)


class StartResets(EventProcessor):
    """Begins a new record with every `session_start`."""

    def _decide(self, stored: SessionRecord, *, is_retry: bool) -> Decision:
        if isinstance(self.event, SessionStart):
            stored = SessionRecord(
                session_id=stored.session_id, version=stored.version, writers=stored.writers
            )
        return super()._decide(stored, is_retry=is_retry)


class Endless(Deadlines):
    """Does not limit the handler."""

    def handler_seconds(self, since: float) -> float:
        """See `Deadlines.handler_seconds`."""
        del since
        return 1e6


class RetryWithoutDeadline(EventProcessor):
    """Does not know how long a caller waits."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.deadlines = Endless(**vars(self.deadlines))


class NoCaps(EventProcessor):
    """Allows every call any number of messages and transfers."""

    def __post_init__(self) -> None:
        self.runtime = lenient(self.runtime, max_sms=30, max_transfers=30)
        super().__post_init__()


class AnyNumber(frozenset[str]):
    """A set that contains every number."""

    def __contains__(self, number: object) -> bool:
        return True


class NoPolicy(EventProcessor):
    """Lets the handler, and so the model, call any number."""

    def __post_init__(self) -> None:
        self.runtime = lenient(self.runtime, allowed_numbers=AnyNumber())
        super().__post_init__()


def lenient(right: Runtime, **members: object) -> Runtime:
    """Return a runtime with other settings."""
    return replace(right, settings=right.settings.model_copy(update=members))


class FillerIsEnough(EventProcessor):
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
class LateKeys(UnitOfWork):
    """Commits without the keys of billable actions, and remembers them."""

    late: tuple[str, ...] = field(default=(), init=False)

    def commit(self, record: SessionRecord) -> SessionRecord:
        """See `UnitOfWork.commit`."""
        known = self.runtime.sessions.load(record.session_id)
        keys = known.billable_keys if known else ()
        self.late = tuple(key for key in record.billable_keys if key not in keys)
        return super().commit(replace(record, billable_keys=keys))


class LedgerAfterAnswer(EventProcessor):
    """Sends first and then records what it cost."""

    def _make_unit(self) -> UnitOfWork:
        self._late = LateKeys(**init_members(super()._make_unit()))
        return self._late

    def process(self) -> None:
        """See `EventProcessor.process`."""
        super().process()
        late = self._late.late
        if late and self.unit.load().version:
            stored = self.unit.stored
            UnitOfWork.commit(self.unit, replace(stored, billable_keys=stored.billable_keys + late))


def init_members(unit: UnitOfWork) -> dict[str, Any]:
    """Return the arguments that make a unit of work again."""
    return {each.name: getattr(unit, each.name) for each in fields(unit) if each.init}


class AftercareFirst(EventProcessor):
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


class ClosesWhateverItFinds(EventProcessor):
    """Closes a call whatever has happened in it meanwhile."""

    def close_abandoned(self, record: SessionRecord) -> None:
        """See `EventProcessor.close_abandoned`."""
        super().close_abandoned(record)
        if self.report.outcome is Outcome.LATE:
            self.report.outcome = Outcome.SILENT
            super().close_abandoned(self.unit.load())


class ServerErrors(EventProcessor):
    """Fails when the store does."""

    def recover(self, *, store_available: bool) -> None:
        """See `EventProcessor.recover`."""
        if self.report.reason == "store":
            raise StoreUnavailable("this is a 5xx")
        super().recover(store_available=store_available)


# Wrong entrypoints.


class HeaderLogged(Entrypoint):
    """Logs what it is sent, including the token."""

    @classmethod
    def of(cls, right: Entrypoint) -> Self:
        """Return a wrong one of a right one."""
        return cls(right.handle, right._answers, right._runtime)  # noqa: SLF001 - it is one, too

    def __call__(self, envelope: Mapping[str, Any], context: Context) -> Any:  # noqa: ANN401 - JSON
        """See `Entrypoint.__call__`."""
        report = EventReport(request_id=context.aws_request_id)
        report.details["headers"] = str(envelope.get("headers"))
        self._runtime().telemetry.write(report, 0)
        return super().__call__(envelope, context)


def header_logged(cloud: Cloud) -> Mapping[str, Entrypoint]:
    """Return the agents with an entrypoint that logs headers."""
    return {name: HeaderLogged.of(right) for name, right in agents(cloud).items()}


def mutated(processor: MakeProcessor) -> MakeAgents:
    """Return what makes agents with a wrong processor."""

    def make(cloud: Cloud) -> Mapping[str, Entrypoint]:
        # The runtime is replaced with each invocation; the processor stays.
        runtime = cloud.sweepers[0]
        return {name: right.bind(runtime, processor) for name, right in agents(cloud).items()}

    return make


def guarded(guards: Guards) -> MakeAgents:
    """Return what makes agents with wrong guards."""
    return mutated(partial(EventProcessor, guards=guards))


NO_LEDGER = partial(NoLedger, guards=instead(send_due_actions, send_due_again))


def module_level_session(cloud: Cloud) -> Mapping[str, Entrypoint]:
    """Return an agent that keeps the current call where all calls share it."""
    current: list[Call] = []

    def forgetful(event: Event, call: Call) -> Reply:
        if not isinstance(event, UserSpeak):
            return None
        current[:] = [call]
        call.state.setdefault("said", event.text)
        cloud.spend(cloud.dice.between(f"{cloud.run.call}:model", 50, 750))
        return current[0].speak(f"Heard: {current[0].state['said']}")

    return {"forgetful": untyped_entrypoint(forgetful)}


MUTANTS: Mapping[str, Mutant] = {
    "no fingerprint": Mutant("I1", make_agents=guarded(without(replay_duplicate))),
    "blind read-modify-write": Mutant("I1", make_store=careless("ConditionExpression")),
    "no writer id": Mutant("I5", make_store=made_by(NoWriterId)),
    "fence after replay": Mutant("I6", make_agents=guarded(REPLAY_FIRST)),
    "no ledger": Mutant("I4", make_agents=mutated(NO_LEDGER)),
    "ledger written after the answer": Mutant("I4", make_agents=mutated(LedgerAfterAnswer)),
    "module-level current session": Mutant("I7", make_agents=module_level_session),
    "whole-history overwrite": Mutant("I2", make_store=made_by(WholeHistoryOverwrite)),
    "stale read": Mutant("I2", make_store=careless("ConsistentRead")),
    "session_start resets": Mutant("I2", make_agents=mutated(StartResets)),
    "TTL trusted for deletion": Mutant("I8", make_store=never_expiring),
    "5xx on store error": Mutant("I9", make_agents=mutated(ServerErrors)),
    "caps not asked": Mutant("I10", make_agents=mutated(NoCaps)),
    "model believed": Mutant("I11", make_agents=mutated(NoPolicy)),
    "aftercare before the claim": Mutant("I15", make_agents=mutated(AftercareFirst)),
    "sweeper closes whatever it finds": Mutant("I15", make_agents=mutated(ClosesWhateverItFinds)),
    "end that does not compete": Mutant("I15", make_agents=guarded(without(commit_end_first))),
    "filler without an answer": Mutant("I9", make_agents=mutated(FillerIsEnough)),
    "header logged": Mutant("I12", make_agents=header_logged),
    "text-only fingerprint": Mutant(
        "I1", make_agents=guarded(instead(replay_duplicate, replay_same_text))
    ),
    "old ledger after a lost race": Mutant("I4", make_agents=mutated(OldLedger)),
    "gone for ever": Mutant("I9", make_agents=mutated(GoneForEver)),
    "apologies of a whole call": Mutant("I9", make_agents=mutated(NeverForgives)),
    "failure forgotten": Mutant("I1", make_agents=mutated(ForgetsWhatFailed)),
    "failure kept": Mutant("I2", make_agents=mutated(KeepsWhatFailed)),
    "turns leave after the commit": Mutant("I2", make_store=made_by(LeavesTooLate)),
    "talks over the caller": Mutant("I3", make_agents=mutated(TalksOver)),
    "does not listen": Mutant("I5", make_agents=mutated(DoesNotListen)),
    "hang-up forgotten": Mutant("I6", make_agents=mutated(ForgetsTheHangup)),
    "talked out of the goodbye": Mutant("I10", make_agents=mutated(TalkedOutOfIt)),
    "retry without deadline": Mutant("I9", make_agents=mutated(RetryWithoutDeadline)),
}
"""By name; each is wrong in a way that a real product was."""
