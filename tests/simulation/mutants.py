"""Products that are wrong in one way each: a simulation that lets one of them pass sees nothing."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any, Self

from aiflow import Call, Event, Reply, SessionStart, UserSpeak
from aiflow.domain import transitions
from aiflow.entrypoints.event import Entrypoint
from aiflow.errors import StoreUnavailable
from aiflow.pipeline.deadlines import Deadlines
from aiflow.pipeline.deciding import Deciding, Fill
from aiflow.pipeline.decision import Decision
from aiflow.pipeline.processor import Conversation
from aiflow.pipeline.reply_stream import ReplyStream
from aiflow.pipeline.runtime import Context, Runtime
from aiflow.protocol.actions import Action
from aiflow.sessions.record import ProcessedEvent, SessionRecord
from aiflow.sessions.store import CommitConflict
from aiflow.telemetry import EventReport
from tests.helpers.in_process import for_every_event
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
        make_store: as it makes a store.
        make_agents: as it makes the agents.
    """

    attacks: str
    make_store: MakeStore = production_store
    make_agents: MakeAgents = agents


# Wrong decisions.


class NoFingerprint(Deciding):
    """Knows no repetition."""

    def _repeated(self, base: SessionRecord) -> ProcessedEvent | None:
        del base
        return None


class TextOnlyFingerprint(Deciding):
    """Takes the same words for a repetition, however much later."""

    def _repeated(self, base: SessionRecord) -> ProcessedEvent | None:
        mark = transitions.fingerprint(self.event)
        same = (delivery for delivery in base.processed_events if delivery.fingerprint == mark)
        return next(same, None) if isinstance(self.event, UserSpeak) else super()._repeated(base)


class FenceAfterReplay(Deciding):
    """Looks for a repetition before it looks whether the call is over."""

    def first(self, base: SessionRecord, fill: Fill, *, raced: bool) -> Decision:
        """See `Deciding.first`."""
        known = self._repeated(base)
        decision = super().first(base, fill, raced=raced)
        return decision if known is None else replace(decision, actions=known.answer or ())


class NoLedger(Deciding):
    """Sends what costs money as often as it is decided."""

    def _depart(self, decision: Decision) -> Decision:
        unspent = replace(decision, item=replace(decision.item, billable_keys=()))
        return super()._depart(unspent)


class StartResets(Deciding):
    """Begins anew whenever a call seems to begin."""

    def first(self, base: SessionRecord, fill: Fill, *, raced: bool) -> Decision:
        """See `Deciding.first`."""
        if isinstance(self.event, SessionStart):
            base = SessionRecord(
                session_id=base.session_id, version=base.version, writers=base.writers
            )
        return super().first(base, fill, raced=raced)


class Endless(Deadlines):
    """Lets a handler try for as long as it likes."""

    def seconds(self, since: float) -> float:
        """See `Deadlines.seconds`."""
        del since
        return 1e6


class RetryWithoutDeadline(Deciding):
    """Does not know how long a caller waits."""

    @property
    def patience(self) -> Deadlines:
        """See `Deciding.patience`."""
        return Endless(**vars(super().patience))


class EndsAlone(Deciding):
    """Does not know that the sweeper may be about to end the same call."""

    def competes(self, base: SessionRecord) -> bool:
        """See `Deciding.competes`."""
        del base
        return False


class NoCaps(Deciding):
    """Lets every call text and transfer as often as it likes."""

    def _depart(self, decision: Decision) -> Decision:
        runtime = lenient(self.runtime, max_sms=30, max_transfers=30)
        return Deciding._depart(replace(self, runtime=runtime), decision)  # noqa: SLF001 - its own


class NoPolicy(Deciding):
    """Believes the handler, and so the model, whom it may call."""

    def _depart(self, decision: Decision) -> Decision:
        targets = ("phone_number", "target_phone_number")
        numbers = {str(a[name]) for a in decision.actions for name in targets if name in a}
        runtime = lenient(self.runtime, allowed_numbers=frozenset(numbers))
        return Deciding._depart(replace(self, runtime=runtime), decision)  # noqa: SLF001 - its own


def lenient(right: Runtime, **members: object) -> Runtime:
    """Return a runtime whose operator lets more happen."""
    return replace(right, settings=right.settings.model_copy(update=members))


class FillerIsEnough(Deciding):
    """Leaves the caller with the filler, and forgets the answer."""

    def next(self, item: SessionRecord, pieces: ReplyStream, actions: Sequence[Action]) -> Decision:
        """See `Deciding.next`."""
        return super().next(item, pieces, () if self.report.counts.get("Filler") else actions)


# Wrong orders.


@dataclass
class LedgerAfterAnswer(Conversation):
    """Sends first, and then takes down what it cost."""

    _spent: tuple[str, ...] = field(default=(), init=False)

    def answer(self) -> None:
        """See `Conversation.answer`."""
        super().answer()
        sessions = self.deciding.runtime.sessions
        item = sessions.load(self.deciding.event.session.id) if self._spent else None
        if item:
            super()._commit(replace(item, billable_keys=item.billable_keys + self._spent))

    def _commit(self, item: SessionRecord) -> SessionRecord:
        known = self.deciding.runtime.sessions.load(item.session_id)
        ledger = known.billable_keys if known else ()
        self._spent = tuple(entry for entry in item.billable_keys if entry not in ledger)
        return super()._commit(replace(item, billable_keys=ledger))


class AftercareFirst(Conversation):
    """Asks the handler, and then closes the call that nobody ended."""

    def close(self, abandoned: SessionRecord) -> None:
        """See `Conversation.close`."""
        now_ms = int(self.deciding.runtime.now() * 1000)
        ended = transitions.apply_event(abandoned, self.deciding.event, now_ms)
        with suppress(CommitConflict):
            self._send(self._keep(self.deciding.ended(ended), abandoned))
            self.report.count("AbandonedCalls")


class ClosesWhateverItFinds(Conversation):
    """Closes a call whatever has happened in it meanwhile."""

    def _claim(self, item: SessionRecord) -> SessionRecord:
        try:
            return super()._claim(item)
        except CommitConflict as conflict:
            return super()._claim(conflict.current or item)


class ServerErrors(Conversation):
    """Fails when the store does."""

    def apologise(self, *, is_kept: bool) -> None:
        """See `Conversation.apologise`."""
        if self.report.reason == "store":
            raise StoreUnavailable("this is a 5xx")
        super().apologise(is_kept=is_kept)


# Wrong doors.


class Wrong(Entrypoint):
    """An entrypoint with a part that is wrong."""

    @classmethod
    def of(cls, right: Entrypoint) -> Self:
        """Return a wrong one of a right one."""
        return cls(right._handle, right._answers, right._runtime)  # noqa: SLF001 - it is one, too


class HeaderLogged(Wrong):
    """Writes down what it is sent, token and all."""

    def __call__(self, envelope: Mapping[str, Any], context: Context) -> Any:  # noqa: ANN401 - JSON
        """See `Entrypoint.__call__`."""
        report = EventReport(request_id=context.aws_request_id)
        report.details["headers"] = str(envelope.get("headers"))
        self._runtime().telemetry.write(report, 0)
        return super().__call__(envelope, context)


def made_wrong(wrong: type[Wrong]) -> MakeAgents:
    """Return what makes wrong agents of the right ones."""
    return lambda cloud: {name: wrong.of(right) for name, right in agents(cloud).items()}


def mutated(
    deciding: type[Deciding] = Deciding, conversation: type[Conversation] = Conversation
) -> MakeAgents:
    """Return what makes agents that decide, or go on, wrongly."""

    class Mutated(Wrong):
        """With these parts."""

    Mutated.deciding = deciding
    Mutated.conversation = conversation
    return made_wrong(Mutated)


def module_level_session(cloud: Cloud) -> Mapping[str, Entrypoint]:
    """Return an agent that keeps the call in hand where all calls reach for it."""
    in_hand: list[Call] = []

    def forgetful(event: Event, call: Call) -> Reply:
        if not isinstance(event, UserSpeak):
            return None
        in_hand[:] = [call]
        call.state.setdefault("said", event.text)
        cloud.spend(cloud.dice.between(f"{cloud.run.call}:model", 50, 750))
        return in_hand[0].speak(f"Heard: {in_hand[0].state['said']}")

    return {"forgetful": for_every_event(forgetful)}


MUTANTS: Mapping[str, Mutant] = {
    "no fingerprint": Mutant("I1", make_agents=mutated(NoFingerprint)),
    "blind read-modify-write": Mutant("I1", make_store=careless("ConditionExpression")),
    "no writer id": Mutant("I5", make_store=made_by(NoWriterId)),
    "fence after replay": Mutant("I6", make_agents=mutated(FenceAfterReplay)),
    "no ledger": Mutant("I4", make_agents=mutated(NoLedger)),
    "ledger written after the answer": Mutant(
        "I4", make_agents=mutated(conversation=LedgerAfterAnswer)
    ),
    "module-level current session": Mutant("I7", make_agents=module_level_session),
    "whole-history overwrite": Mutant("I2", make_store=made_by(WholeHistoryOverwrite)),
    "stale read": Mutant("I2", make_store=careless("ConsistentRead")),
    "session_start resets": Mutant("I2", make_agents=mutated(StartResets)),
    "TTL trusted for deletion": Mutant("I8", make_store=never_expiring),
    "5xx on store error": Mutant("I9", make_agents=mutated(conversation=ServerErrors)),
    "caps not asked": Mutant("I10", make_agents=mutated(NoCaps)),
    "model believed": Mutant("I11", make_agents=mutated(NoPolicy)),
    "aftercare before the claim": Mutant("I15", make_agents=mutated(conversation=AftercareFirst)),
    "sweeper closes whatever it finds": Mutant(
        "I15", make_agents=mutated(conversation=ClosesWhateverItFinds)
    ),
    "end that does not compete": Mutant("I15", make_agents=mutated(EndsAlone)),
    "filler without an answer": Mutant("I9", make_agents=mutated(FillerIsEnough)),
    "header logged": Mutant("I12", make_agents=made_wrong(HeaderLogged)),
    "text-only fingerprint": Mutant("I1", make_agents=mutated(TextOnlyFingerprint)),
    "old ledger after a lost race": Mutant("I4", make_agents=mutated(conversation=OldLedger)),
    "gone for ever": Mutant("I9", make_agents=mutated(conversation=GoneForEver)),
    "apologies of a whole call": Mutant("I9", make_agents=mutated(NeverForgives)),
    "failure forgotten": Mutant("I1", make_agents=mutated(ForgetsWhatFailed)),
    "failure kept": Mutant("I2", make_agents=mutated(KeepsWhatFailed)),
    "turns leave after the commit": Mutant("I2", make_store=made_by(LeavesTooLate)),
    "talks over the caller": Mutant("I3", make_agents=mutated(conversation=TalksOver)),
    "does not listen": Mutant("I5", make_agents=mutated(DoesNotListen)),
    "hang-up forgotten": Mutant("I6", make_agents=mutated(ForgetsTheHangup)),
    "talked out of the goodbye": Mutant("I10", make_agents=mutated(TalkedOutOfIt)),
    "retry without deadline": Mutant("I9", make_agents=mutated(RetryWithoutDeadline)),
}
"""By their names; each is wrong in one way that somebody once was."""
