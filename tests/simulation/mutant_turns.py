"""Products that are right on most days, and wrong in one way each on bad ones: see `mutants`."""

from dataclasses import dataclass, field, replace

from aiflow import Call, UserSpeak
from aiflow.pipeline.deciding import Deciding, Fill
from aiflow.pipeline.decision import Decision
from aiflow.pipeline.processor import Conversation
from aiflow.sessions.record import SessionRecord, Status
from aiflow.sessions.store import CommitConflict
from aiflow.telemetry import Outcome


class NeverForgives(Deciding):
    """Counts all apologies of a call, and not those in a row."""

    def _relieved(self, item: SessionRecord, actions: object) -> SessionRecord:
        del actions
        return item


class ForgetsWhatFailed(Deciding):
    """Keeps nothing of an event whose handler failed."""

    def failed(self, base: SessionRecord, *, has_begun: bool) -> Decision:
        """See `Deciding.failed`."""
        del has_begun
        return Decision(base, Outcome.DEGRADED, self.apology)


@dataclass(frozen=True)
class KeepsWhatFailed(Deciding):
    """Keeps what a handler did to the state before it failed."""

    _calls: list[Call] = field(default_factory=list[Call], init=False)

    def _call(self, base: SessionRecord, item: SessionRecord) -> Call:
        call = super()._call(base, item)
        self._calls.append(call)
        return call

    def failed(self, base: SessionRecord, *, has_begun: bool) -> Decision:
        """See `Deciding.failed`."""
        decision = super().failed(base, has_begun=has_begun)
        if not self._calls or decision.item == base:
            return decision
        return replace(decision, item=replace(decision.item, state=self._calls[-1].state))


class ForgetsTheHangup(Deciding):
    """Hangs up, and goes on as if it had not."""

    def _depart(self, decision: Decision) -> Decision:
        left = super()._depart(decision)
        is_over = left.item.status is Status.HANGING_UP
        status = decision.item.status if is_over else left.item.status
        return replace(left, item=replace(left.item, status=status))


class DoesNotListen(Deciding):
    """Does what was to follow a playback although the caller went on talking."""

    def first(self, base: SessionRecord, fill: Fill, *, raced: bool) -> Decision:
        """See `Deciding.first`."""
        decision = super().first(base, fill, raced=raced)
        is_dropped = base.deferred_actions and not decision.item.deferred_actions
        if isinstance(self.event, UserSpeak) and is_dropped and decision.item != base:
            return replace(
                decision, item=replace(decision.item, deferred_actions=base.deferred_actions)
            )
        return decision


class TalkedOutOfIt(Deciding):
    """Goes on with whoever talks on after the goodbye."""

    def first(self, base: SessionRecord, fill: Fill, *, raced: bool) -> Decision:
        """See `Deciding.first`."""
        return super().first(replace(base, closing=False), fill, raced=raced)


class TalksOver(Conversation):
    """Goes on with an answer although something newer was said."""

    def _goes_on(self, current: SessionRecord, *, is_said: bool) -> bool:
        del is_said
        return current.status not in {Status.HANGING_UP, Status.GONE, Status.ENDED}


class OldLedger(Conversation):
    """Goes on after a lost race with the ledger as it was before."""

    _ledger: tuple[str, ...] = ()

    def _load(self) -> SessionRecord | None:
        item = super()._load()
        self._ledger = item.billable_keys if item else ()
        return item

    def _commit(self, item: SessionRecord) -> SessionRecord:
        try:
            return super()._commit(item)
        except CommitConflict as conflict:
            current = conflict.current
            raise CommitConflict(
                current and replace(current, billable_keys=self._ledger)
            ) from conflict


class GoneForEver(Conversation):
    """Does not talk any more to whoever was gone and comes back."""

    def _reached(self, item: SessionRecord) -> SessionRecord:
        return replace(super()._reached(item), status=item.status)
