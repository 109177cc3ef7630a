"""One event's way through its call: load, decide, commit, and only then answer."""

from collections.abc import Container, Generator
from contextlib import contextmanager, nullcontext, suppress
from copy import replace
from dataclasses import dataclass, field
from functools import partial

from aiflow.domain import transitions
from aiflow.domain.call_summary import summarize_call
from aiflow.domain.outbox import encode_actions
from aiflow.domain.redaction import redact
from aiflow.errors import (
    ConnectionGone,
    ConnectionUnavailable,
    DeadlineExceeded,
    StateNotStorable,
    StoreUnavailable,
)
from aiflow.pipeline.deciding import Deciding
from aiflow.pipeline.decision import Decision
from aiflow.pipeline.reply_stream import ReplyStream
from aiflow.protocol.types import JsonObject
from aiflow.sessions.record import SessionRecord, Status
from aiflow.sessions.store import CommitConflict
from aiflow.telemetry import EventReport, Outcome, Phase
from aiflow.transports.ways import Responder

_TRIES = 5
_MAX_PAUSE_SECONDS = 0.05


@dataclass
class Conversation:
    """One event on its way through its call.

    Attributes:
        deciding: what comes of it.
        way: where its answer goes.
        report: filled in on the way.
        has_begun: whether the event, with its answer or the first piece of it, was committed.
        is_swept: whether this is the end of a call that nobody reported.
    """

    deciding: Deciding
    way: Responder
    report: EventReport
    has_begun: bool = field(default=False, init=False)
    is_swept: bool = field(default=False, init=False)
    # Of the call, when we first saw it.
    _connection: str | None = field(default=None, init=False)
    _speaking: str | None = field(default=None, init=False)

    def answer(self) -> None:
        """Decide, commit and answer; piece by piece, if the handler answers so.

        Raises:
            ConnectionGone: the caller is gone; the call is marked so.
            AiflowError: the store or the answer failed; or whatever the handler raised. Nothing was
                sent that was not committed.
        """
        decision = self._first()
        if not self.has_begun:
            self.has_begun = True
            self._send(decision)
        while decision.pieces:
            decision = self._next(decision.item, decision.pieces)
            self._send(decision)

    def close(self, abandoned: SessionRecord) -> None:
        """End a call whose end was never reported, and only then let its handler know.

        Raises:
            AiflowError: as `answer` does.
        """
        self.is_swept = True
        try:
            claimed = self._claim(abandoned)
        except CommitConflict:
            # Somebody spoke after all, or the end was reported at last.
            self.report.outcome = Outcome.LATE
            return
        self.report.count("AbandonedCalls")
        self._send(self._keep(self.deciding.ended(claimed), claimed))

    def apologise(self, *, is_kept: bool) -> None:
        """Let the caller hear an apology, and keep what the event itself says of the call.

        Nothing that fails here is raised: it is what happens when all else has failed.

        Args:
            is_kept: whether the store is worth asking: not if it failed, or all is kept already.
        """
        apology = self.deciding.apology
        if is_kept:
            with suppress(StoreUnavailable, StateNotStorable, DeadlineExceeded):
                apology = self._keep_failed()
        self.report.actions += [str(action["type"]) for action in apology]
        body = encode_actions(apology)
        if body:
            # To whoever cannot be reached, not even this gets through.
            with suppress(
                ConnectionGone, ConnectionUnavailable, StoreUnavailable, DeadlineExceeded
            ):
                # Where else the service is connected, a table that failed will not tell.
                (self._deliver if is_kept else self.way.send)(body)

    def _keep_failed(self) -> tuple[JsonObject, ...]:
        """Keep it, and return the apology, which depends on how many there have been."""
        deciding = self.deciding
        item = self._load()
        for attempt in range(_TRIES):
            loaded = item or SessionRecord(session_id=deciding.event.session.id)
            base = self._reached(loaded)
            decision = deciding.failed(base, has_begun=self.has_begun)
            try:
                return self._keep(decision, loaded).actions
            except CommitConflict as conflict:
                item = conflict.current
                self._pause(attempt)
        raise _too_many_conflicts()

    def _first(self) -> Decision:
        """Decide on the event, and commit.

        Whoever loses the race for the commit goes back to the fence with what the winner left.
        """
        deciding = self.deciding
        item = self._load()
        for attempt in range(_TRIES):
            loaded = item or SessionRecord(session_id=deciding.event.session.id)
            base = self._reached(loaded)
            try:
                if deciding.competes(base):
                    base = self._claim(base)
                    return self._keep(deciding.ended(base), base)
                overheard = self._overheard(base)
                if overheard:
                    return self._keep(overheard, loaded)
                if deciding.takes_the_turn(base):
                    # Whoever still answers what was said before learns now that it is too late.
                    loaded = base = self._commit(replace(base, stream_owner=deciding.speaker))
                decision = deciding.first(base, partial(self._fill, loaded), raced=attempt > 0)
                return decision if self.has_begun else self._keep(decision, loaded)
            except CommitConflict as conflict:
                item = conflict.current
                self._pause(attempt)
        raise _too_many_conflicts()

    def _overheard(self, base: SessionRecord) -> Decision | None:
        """Decide on an event that was slow to be kept: what was said later is being answered.

        When each of them was said is told by clocks, which may differ. So it is asked only where
        somebody began to speak after we looked at the call.
        """
        if self._speaking is None:
            self._speaking = base.stream_owner
        return None if base.stream_owner == self._speaking else self.deciding.overheard(base)

    def _reached(self, item: SessionRecord) -> SessionRecord:
        """Return the item of the call that this event reaches by its connection.

        Unless the service has connected anew while we were at work: then that is the way back.
        """
        if self._connection is None:
            self._connection = item.connection_id
        if item.connection_id != self._connection and item.status is not Status.GONE:
            return item
        return transitions.bind_connection(item, self.way.connection_id)

    def _fill(self, loaded: SessionRecord, filler: Decision) -> Decision | None:
        """Say something while the handler thinks; not if somebody else was faster to commit."""
        try:
            kept = self._keep(filler, loaded)
        except CommitConflict:
            return None
        self.has_begun = True
        self.report.count("Filler")
        self._send(kept)
        return kept

    def _next(self, item: SessionRecord, pieces: ReplyStream) -> Decision:
        """Decide on the next piece, and commit; a later turn of the caller makes it silence."""
        actions = self.deciding.piece(pieces)
        for attempt in range(_TRIES):
            decision = self.deciding.next(item, pieces, actions)
            try:
                return self._keep(decision, item)
            except CommitConflict as conflict:
                current = conflict.current
                if current is None or not self._goes_on(current, is_said=not actions):
                    pieces.stop()
                    return Decision(item, Outcome.SUPERSEDED)
                item = current
                self._pause(attempt)
        raise _too_many_conflicts()

    def _goes_on(self, current: SessionRecord, *, is_said: bool) -> bool:
        """Tell whether there is still something to do in a call that others have changed."""
        if current.status in {Status.HANGING_UP, Status.GONE, Status.ENDED}:
            return False
        # What a handler leaves in the state after its last piece is kept, whoever speaks now.
        return is_said or current.stream_owner == self.deciding.speaker

    def _claim(self, item: SessionRecord) -> SessionRecord:
        """Commit the end of a call before its handler runs: whoever is second finds it ended."""
        now_ms = int(self.deciding.runtime.now() * 1000)
        ended = self._commit(transitions.apply_event(item, self.deciding.event, now_ms))
        self._tell_end(item, ended)
        return ended

    def _keep(self, decision: Decision, loaded: SessionRecord) -> Decision:
        """Commit a decision; the next piece of an answer even if it changes nothing else."""
        if decision.body:
            self.way.check(decision.body)
        if decision.pieces or decision.item != loaded:
            decision = replace(decision, item=self._commit(decision.item))
            self._tell_end(loaded, decision.item)
        if decision.pieces:
            decision.pieces.committed()
        return decision

    @contextmanager
    def _storing(self) -> Generator[None]:
        """Let the store be asked: on the clock, and no longer than the caller waits."""
        in_time = nullcontext() if self.has_begun else self.deciding.patience.storing()
        with self.report.timing(Phase.STORE, self.deciding.runtime.now), in_time:
            yield

    def _load(self) -> SessionRecord | None:
        runtime = self.deciding.runtime
        with self._storing():
            return runtime.sessions.load(self.deciding.event.session.id)

    def _commit(self, item: SessionRecord) -> SessionRecord:
        runtime = self.deciding.runtime
        now = runtime.now()
        if not runtime.settings.stores_transcripts:
            item = redact(item)
        expires_at = int(now) + runtime.settings.session_ttl_seconds
        written = replace(item, committed_at_ms=int(now * 1000))
        following = written.next_version(self.deciding.invocation.id, expires_at)
        with self._storing():
            runtime.sessions.commit(following)
        return following

    def _send(self, decision: Decision) -> None:
        self._tell(decision)
        if decision.body is None:
            return
        self._deliver(decision.body)
        if self.way.connection_id and self.report.answered_ms is None:
            deciding = self.deciding
            waited = deciding.runtime.now() - deciding.invocation.arrived_at
            self.report.answered_ms = waited * 1000

    def _deliver(self, body: str) -> None:
        """Let an answer go, by another connection if the one that the event came by is gone."""
        gone: set[str | None] = set()
        while True:
            try:
                self.way.send(body)
            except ConnectionGone:
                gone.add(self.way.connection_id)
                self._find_connection(gone)
            else:
                return

    def _find_connection(self, gone: Container[str | None]) -> None:
        """Go on where the service is connected now; else the call is over.

        That is where it connected anew meanwhile, or where it had done so before an event arrived
        that had been on its way for long.

        Raises:
            ConnectionGone: it is; marked once, by whoever finds out first.
        """
        item = self._load()
        for attempt in range(_TRIES):
            if item is None or item.status in {Status.ENDED, Status.GONE}:
                break
            others = (item.connection_id, self._connection)
            found = next((other for other in others if other and other not in gone), None)
            if found:
                self.way.connection_id = found
                return
            lost = transitions.mark_connection_lost(item)
            if lost == item:
                break
            try:
                self._commit(lost)
            except CommitConflict as conflict:
                item = conflict.current
                self._pause(attempt)
            else:
                self.report.count("ConnectionGone")
                break
        raise ConnectionGone("nobody is connected any more")

    def _pause(self, attempt: int) -> None:
        self.report.count("StoreRetry")
        runtime = self.deciding.runtime
        runtime.pause(runtime.chance() * _MAX_PAUSE_SECONDS * (attempt + 1))

    def _tell_end(self, before: SessionRecord, after: SessionRecord) -> None:
        """Take the whole call down, if this commit has ended it: no other will."""
        if after.status is Status.ENDED and before.status is not Status.ENDED:
            self.report.call = summarize_call(before, after, is_swept=self.is_swept)

    def _tell(self, decision: Decision) -> None:
        types = [str(action["type"]) for action in decision.actions]
        report = self.report
        report.outcome = decision.outcome
        report.actions = [*report.actions, *types]
        report.add_problems(decision.problems)
        if decision.cap:
            report.reason = decision.cap.value
            report.count("CapReached")
        report.count("BillableActions", sum(name in transitions.BILLABLE for name in types))
        report.add_blocked(decision.blocked)
        report.count("SessionIdCorrected", decision.foreign)
        report.count("Duplicate", decision.outcome is Outcome.DUPLICATE)
        report.count("LateEvent", decision.outcome is Outcome.LATE)
        report.count("SupersededAnswers", decision.outcome is Outcome.SUPERSEDED)


def _too_many_conflicts() -> StoreUnavailable:
    return StoreUnavailable(f"the session was changed by others {_TRIES} times in a row")
