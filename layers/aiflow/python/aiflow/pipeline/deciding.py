"""What comes of an event: from the session item as it was loaded to the one that is committed."""

from collections.abc import Callable, Iterator, Sequence
from copy import replace
from dataclasses import dataclass

from aiflow.call import Call, Reply
from aiflow.domain import caps, transitions
from aiflow.domain.announcements import (
    apology_announcement,
    filler_announcement,
    limit_announcement,
)
from aiflow.domain.departing import authorize
from aiflow.domain.outbox import arm_input_timeout, normalize_reply, serialize
from aiflow.domain.recovery import next_apology
from aiflow.pipeline.deadlines import Deadlines
from aiflow.pipeline.decision import Decision
from aiflow.pipeline.handler_runner import build_call
from aiflow.pipeline.reply_stream import ReplyStream
from aiflow.pipeline.runtime import Invocation, Runtime
from aiflow.protocol.actions import Action, Hangup
from aiflow.protocol.events import (
    AssistantSpeechEnded,
    DtmfReceived,
    Event,
    SessionEnd,
    SessionStart,
    SmsFailed,
    UserInputTimeout,
    UserSpeak,
    UserSpeechStarted,
)
from aiflow.protocol.lint import lint_actions
from aiflow.protocol.types import JsonObject
from aiflow.sessions.record import ProcessedEvent, SessionRecord, Status
from aiflow.telemetry import EventReport, Outcome

EXPECTING = (SessionStart, UserSpeak, DtmfReceived, UserInputTimeout, SmsFailed)
"""Events after which the caller waits for us: here a failure must be heard."""

_HEARD = (*EXPECTING, AssistantSpeechEnded)
_UNHEARD = (SessionEnd, UserSpeechStarted)
_MARGIN_SECONDS = 60

type Fill = Callable[[Decision], Decision | None]
"""Commits and sends what is said while the handler thinks; None if somebody else was faster."""


@dataclass(frozen=True)
class Deciding:
    """Decides what comes of one event.

    Attributes:
        runtime: what comes from outside.
        invocation: the run of the function that does it.
        handle: the handler.
        event: what happened.
        report: told how long the handler takes.
        in_pieces: whether several answers can go back.
    """

    runtime: Runtime
    invocation: Invocation
    handle: Callable[..., Reply]
    event: Event
    report: EventReport
    in_pieces: bool

    def first(self, base: SessionRecord, fill: Fill, *, raced: bool) -> Decision:
        """Decide on the event itself: fence, repeat, release what waited, or ask the handler.

        Args:
            base: the call as it was loaded.
            fill: what becomes of a filler. If one was said, it is what is returned, and the answer
                is the next piece.
            raced: whether another invocation has just committed.
        """
        behind = self._fence(base)
        if behind is not None:
            return behind
        known = self._repeated(base)
        if known is not None:
            # Whoever won the race, or has more to say, is answering; else its answer may be lost.
            is_answered = raced or bool(base.stream_owner)
            return Decision(base, Outcome.DUPLICATE, () if is_answered else self._again(known))
        now_ms = self._now_ms()
        item = transitions.apply_event(base, self.event, now_ms)
        due, item = transitions.take_due_actions(item, self.event, now_ms)
        cap = caps.exceeded_limit(item, self.runtime.settings, now_ms)
        if cap and not item.closing and isinstance(self.event, _HEARD):
            return self._say_goodbye(item, cap)
        if due:
            if item.deferred_actions:
                due = arm_input_timeout(due, self.runtime.settings.input_timeout_seconds)
            return self._remembered(self._depart(Decision(item, Outcome.ANSWERED, due)))
        if item.closing and not isinstance(self.event, SessionEnd):
            return self._see_off(item, now_ms)
        return self._ask_handler(base, item, fill)

    def competes(self, base: SessionRecord) -> bool:
        """Tell whether the sweeper may be about to end this call at the same moment.

        The margin is longer than any event is worked on.
        """
        if not isinstance(self.event, SessionEnd):
            return False
        patience = self.runtime.settings.abandoned_after_seconds - _MARGIN_SECONDS
        return transitions.idle_seconds(base, self._now_ms()) >= patience and base.version > 0

    def ended(self, item: SessionRecord) -> Decision:
        """Let the handler know of the end of a call, which is committed already."""
        return self._ask_handler(item, item, _nothing)

    def next(self, item: SessionRecord, pieces: ReplyStream, actions: Sequence[Action]) -> Decision:
        """Decide on the next piece of an answer; on none, when the handler has finished.

        Args:
            item: the call as it stands now.
            pieces: where the piece comes from.
            actions: of the piece.
        """
        item = self._relieved(replace(item, state=pieces.added_to(item.state)), actions)
        if not actions:
            return Decision(transitions.end_stream(item, self.speaker), Outcome.ANSWERED)
        return replace(self._remembered_more(self._leave(item, actions)), pieces=pieces)

    def failed(self, base: SessionRecord, *, has_begun: bool) -> Decision:
        """Decide on an event whose handler, or answer, failed: what the event says holds anyway.

        Args:
            base: the call as it stands now; perhaps with pieces of the answer that were said.
            has_begun: whether a piece of the answer, and with it the event, was committed.
        """
        own = self.speaker
        is_kept = base.stream_owner != own if has_begun else self._repeated(base) is not None
        if is_kept or self._fence(base) is not None:
            return Decision(base, Outcome.DEGRADED, self.apology)
        item = transitions.end_stream(base, own)
        if not has_begun:
            item = transitions.apply_event(item, self.event, self._now_ms())
        said: tuple[Action, ...] = ()
        if isinstance(self.event, EXPECTING):
            sorry, item = next_apology(item, self.runtime.settings)
            said = (sorry,)
        decision = replace(self._leave(item, said), outcome=Outcome.DEGRADED)
        return (self._remembered_more if has_begun else self._remembered)(decision)

    @property
    def apology(self) -> tuple[JsonObject, ...]:
        """What is said where nothing can be counted; for events after which the caller waits."""
        if not isinstance(self.event, EXPECTING):
            return ()
        return (apology_announcement(self.event.session.id, self.runtime.settings).to_wire(),)

    @property
    def patience(self) -> Deadlines:
        """How long the caller waits."""
        is_awaited = isinstance(self.event, EXPECTING)
        return Deadlines(
            self.runtime,
            self.invocation,
            self.report,
            is_awaited=is_awaited,
            can_be_filled=is_awaited and self.in_pieces,
        )

    def piece(self, pieces: ReplyStream) -> tuple[Action, ...]:
        """Let the handler go on to its next piece; as long as for a whole answer.

        Raises:
            DeadlineExceeded: it took longer.
        """
        with self.patience.handling(self.runtime.now()):
            return pieces.next()

    @property
    def speaker(self) -> str:
        """How the item names this invocation while it has more to say: first, since when."""
        return f"{int(self.invocation.arrived_at * 1000)}:{self.invocation.id}"

    def takes_the_turn(self, base: SessionRecord) -> bool:
        """Tell whether somebody is still answering what the caller said before."""
        return (
            bool(base.stream_owner)
            and base.stream_owner != self.speaker
            and isinstance(self.event, UserSpeak)
            and base.status in {Status.ACTIVE, Status.TRANSFERRING}
            and self._repeated(base) is None
        )

    def overheard(self, base: SessionRecord) -> Decision | None:
        """Decide on what the caller said before what is being answered; None for all else.

        It is kept, and ends nobody's answer.
        """
        since, _, _ = base.stream_owner.partition(":")
        is_older = since.isdecimal() and int(since) > int(self.invocation.arrived_at * 1000)
        if not (is_older and isinstance(self.event, UserSpeak)):
            return None
        if self._fence(base) or self._repeated(base):
            return None
        item = transitions.apply_event(base, self.event, self._now_ms())
        heard = transitions.keep_pending_answer(base, item)
        return self._remembered(Decision(heard, Outcome.SUPERSEDED))

    def _fence(self, base: SessionRecord) -> Decision | None:
        """Decide on an event that comes too late; None for all others."""
        if base.status is Status.ENDED:
            return Decision(base, Outcome.LATE)
        if isinstance(self.event, SessionEnd):
            return None
        if base.status is Status.GONE:
            return Decision(base, Outcome.LATE)
        if base.status is Status.HANGING_UP:
            return Decision(base, Outcome.LATE, self._hang_up_again())
        return None

    def _say_goodbye(self, item: SessionRecord, cap: caps.CallLimit) -> Decision:
        """Let nothing else be said, by nobody, and hang up when the caller has heard it."""
        closing = replace(
            item, closing=True, status=Status.ACTIVE, deferred_actions=(), stream_owner=""
        )
        said = self._leave(closing, (limit_announcement(item.session_id, self.runtime.settings),))
        return replace(self._remembered(said), cap=cap)

    def _see_off(self, item: SessionRecord, now_ms: int) -> Decision:
        """Wait until the goodbye can have been heard; whoever still talks then is hung up on.

        Words may overtake a transfer; only when it came to nothing is it cut off.
        """
        moving = item.status is Status.TRANSFERRING and not isinstance(self.event, UserInputTimeout)
        waiting = moving or now_ms < item.playback_end_ms
        if waiting or not isinstance(self.event, EXPECTING):
            return self._remembered(Decision(item, Outcome.SILENT))
        return self._depart(Decision(item, Outcome.ANSWERED, self._hang_up_again()))

    def _repeated(self, base: SessionRecord) -> ProcessedEvent | None:
        arrived_at_ms = int(self.invocation.arrived_at * 1000)
        thinking_ms = int(self.runtime.settings.answer_deadline_seconds * 1000)
        return transitions.find_duplicate(base, self.event, arrived_at_ms, self._key, thinking_ms)

    def _again(self, known: ProcessedEvent) -> tuple[JsonObject, ...]:
        """Return an answer once more; where its words were not to be kept, ask for theirs."""
        if known.answer is None and not self.runtime.settings.stores_transcripts:
            return self.apology
        return known.answer or ()

    def _ask_handler(self, base: SessionRecord, item: SessionRecord, fill: Fill) -> Decision:
        call, pieces, patience = self._call(base, item), None, self.patience
        filled: list[Decision | None] = []
        with (
            patience.filling(lambda: filled.append(fill(self._filler(item)))),
            patience.handling(self.invocation.arrived_at),
        ):
            reply = self.handle(self.event, call)
            if self.in_pieces and isinstance(reply, Iterator):
                pieces = ReplyStream(reply, call)
                actions = pieces.next()
            else:
                actions = normalize_reply(reply, item.session_id)
        said = next(iter(filled), None)
        if said:
            rest = pieces or ReplyStream(iter(()), call)
            rest.put_back(actions, item.state)
            return replace(said, pieces=rest)
        item = self._relieved(replace(item, state=call.state), actions)
        if isinstance(self.event, _UNHEARD):
            return Decision(item, Outcome.SILENT)
        if pieces and actions:
            item = replace(item, stream_owner=self.speaker)
            return replace(self._remembered(self._leave(item, actions)), pieces=pieces)
        return self._remembered(self._leave(item, actions))

    def _filler(self, item: SessionRecord) -> Decision:
        """Decide to say that it takes a moment, as the first piece of the answer."""
        speaking = replace(item, stream_owner=self.speaker)
        words = filler_announcement(item.session_id, self.runtime.settings)
        return self._remembered(self._leave(speaking, (words,)))

    def _relieved(self, item: SessionRecord, actions: Sequence[Action]) -> SessionRecord:
        """Begin to count the apologies anew, where somebody who waited is answered."""
        is_answered = actions and isinstance(self.event, EXPECTING)
        return replace(item, consecutive_failures=0) if is_answered else item

    def _leave(self, item: SessionRecord, actions: Sequence[Action]) -> Decision:
        """Write actions as they leave, and note what waits for them."""
        leaving = serialize(actions, item.session_id, self.runtime.settings)
        return self._depart(
            Decision(
                item=replace(
                    item, deferred_actions=item.deferred_actions + leaving.deferred_actions
                ),
                outcome=Outcome.ANSWERED if actions else Outcome.SILENT,
                actions=leaving.actions,
                foreign=leaving.foreign,
                problems=tuple(sorted({problem.code for problem in lint_actions(actions)})),
            )
        )

    def _depart(self, decision: Decision) -> Decision:
        """Let what may leave go, and note what is left."""
        leaving = authorize(decision.item, decision.actions, self.runtime.settings)
        item = transitions.apply_actions(decision.item, leaving.actions, self._now_ms())
        actions = tuple(map(transitions.strip_internal_members, leaving.actions))
        return replace(decision, item=item, actions=actions, blocked=leaving.blocked)

    def _remembered(self, decision: Decision) -> Decision:
        now_ms = self._now_ms()
        item = transitions.record_answer(
            decision.item, self.event, decision.actions, now_ms, self._key
        )
        return replace(decision, item=item)

    def _remembered_more(self, decision: Decision) -> Decision:
        now_ms, key = self._now_ms(), self._key
        item = transitions.extend_answer(decision.item, self.event, decision.actions, now_ms, key)
        return replace(decision, item=item)

    @property
    def _key(self) -> bytes:
        return self.runtime.settings.fingerprint_key

    def _call(self, base: SessionRecord, item: SessionRecord) -> Call:
        has_moved = base.status is Status.TRANSFERRING
        return build_call(self.runtime, self.event, item, has_moved=has_moved)

    def _hang_up_again(self) -> tuple[JsonObject, ...]:
        # The call lives although it was hung up: that answer must have been lost. Saying it again
        # harms nobody.
        if not isinstance(self.event, EXPECTING):
            return ()
        return (Hangup(session_id=self.event.session.id).to_wire(),)

    def _now_ms(self) -> int:
        return int(self.runtime.now() * 1000)


def _nothing(_: Decision) -> None:
    """Say nothing meanwhile: nobody listens any more."""
