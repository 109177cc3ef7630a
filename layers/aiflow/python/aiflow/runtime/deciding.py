"""What comes of an event: from the session item as it was loaded to the one that is committed."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from aiflow.protocol.actions import Action, Hangup, Speak
from aiflow.protocol.events import (
    DtmfReceived,
    Event,
    Session,
    SessionEnd,
    SessionStart,
    SmsFailed,
    UserInputTimeout,
    UserSpeak,
    UserSpeechStarted,
)
from aiflow.protocol.lint import lint_actions
from aiflow.protocol.types import JsonObject
from aiflow.runtime import lifecycle
from aiflow.runtime.call import Call, Reply
from aiflow.runtime.observability import Outcome
from aiflow.runtime.pieces import Pieces
from aiflow.runtime.reply import actions_of, body_of, outgoing, watched
from aiflow.runtime.surroundings import Invocation, Runtime
from aiflow.sessions.model import Delivery, SessionItem, Status, as_json

EXPECTING = (SessionStart, UserSpeak, DtmfReceived, UserInputTimeout, SmsFailed)
"""Events after which the caller waits for us: here a failure must be heard."""

_UNHEARD = (SessionEnd, UserSpeechStarted)
_RESERVE_SECONDS = 0.5


@dataclass(frozen=True)
class Decision:
    """What comes of an event, or of the next piece of its answer.

    Attributes:
        item: what is to be committed, if it differs from what was loaded.
        outcome: how the event went.
        actions: what is answered.
        foreign: how many actions named another session and were put right.
        problems: codes of what the linter has to say about the answer.
        pieces: what the handler has still to say, where it says it piece by piece.
    """

    item: SessionItem
    outcome: Outcome
    actions: tuple[JsonObject, ...] = ()
    foreign: int = 0
    problems: tuple[str, ...] = ()
    pieces: Pieces | None = None

    @cached_property
    def body(self) -> str | None:
        """The answer as it goes out; None for silence."""
        return body_of(self.actions)


@dataclass(frozen=True)
class Deciding:
    """Decides what comes of one event.

    Attributes:
        runtime: what comes from outside.
        invocation: the run of the function that does it.
        handle: the handler.
        event: what happened.
        in_pieces: whether several answers can go back.
    """

    runtime: Runtime
    invocation: Invocation
    handle: Callable[..., Reply]
    event: Event
    in_pieces: bool

    def first(self, base: SessionItem, *, raced: bool) -> Decision:
        """Decide on the event itself: fence, repeat, release what waited, or ask the handler.

        Args:
            base: the call as it was loaded.
            raced: whether another invocation has just committed.
        """
        if base.status is Status.ENDED:
            return Decision(base, Outcome.LATE)
        if not isinstance(self.event, SessionEnd):
            if base.status is Status.GONE:
                return Decision(base, Outcome.LATE)
            if base.status is Status.HANGING_UP:
                return Decision(base, Outcome.LATE, self._hang_up_again())
        known = self._repeated(base)
        if known is not None:
            # The one that won the race is answering; without a race its answer may have been lost.
            return Decision(base, Outcome.DUPLICATE, () if raced else known.answer or ())
        now_ms = self._now_ms()
        item = lifecycle.arrive(base, self.event, now_ms)
        due, item = lifecycle.release(item, self.event, now_ms)
        if not due:
            return self._ask_handler(base, item)
        if item.followers:
            due = watched(due, self.runtime.settings.input_timeout_seconds)
        return self._remembered(self._depart(Decision(item, Outcome.ANSWERED, due)))

    def next(self, item: SessionItem, pieces: Pieces, actions: Sequence[Action]) -> Decision:
        """Decide on the next piece of an answer; on none, when the handler has finished.

        Args:
            item: the call as it stands now.
            pieces: where the piece comes from.
            actions: of the piece.
        """
        item = replace(item, state=pieces.added_to(item.state))
        if not actions:
            return Decision(lifecycle.finish(item, self.invocation.id), Outcome.ANSWERED)
        return replace(self._leave(item, actions), pieces=pieces)

    def failed(self, base: SessionItem, *, has_begun: bool) -> Decision:
        """Decide on an event whose handler, or answer, failed: what the event says holds anyway.

        Args:
            base: the call as it stands now; perhaps with pieces of the answer that were said.
            has_begun: whether a piece of the answer, and with it the event, was committed.
        """
        own = self.invocation.id
        is_over = base.status in {Status.ENDED, Status.GONE, Status.HANGING_UP}
        is_kept = base.speaking != own if has_begun else self._repeated(base) is not None
        if is_over or is_kept:
            return Decision(base, Outcome.DEGRADED, self.apology)
        if has_begun:
            said = self._depart(Decision(base, Outcome.DEGRADED, self.apology))
            return replace(said, item=lifecycle.finish(said.item, own))
        item = lifecycle.arrive(lifecycle.finish(base, own), self.event, self._now_ms())
        return self._remembered(self._depart(Decision(item, Outcome.DEGRADED, self.apology)))

    @property
    def apology(self) -> tuple[JsonObject, ...]:
        """What needs neither store nor handler; for events after which the caller waits."""
        if not isinstance(self.event, EXPECTING):
            return ()
        settings = self.runtime.settings
        speak = Speak(
            session_id=self.event.session.id,
            text=settings.apology,
            user_input_timeout_seconds=settings.input_timeout_seconds,
        )
        return (speak.to_wire(),)

    def piece(self, pieces: Pieces) -> tuple[Action, ...]:
        """Let the handler go on to its next piece; as long as for a whole answer.

        Raises:
            DeadlineExceeded: it took longer.
        """
        with self.runtime.time_limit(self._patience(self.runtime.now())):
            return pieces.next()

    def takes_the_turn(self, base: SessionItem) -> bool:
        """Tell whether somebody is still answering what the caller said before."""
        return (
            bool(base.speaking)
            and base.speaking != self.invocation.id
            and isinstance(self.event, UserSpeak)
            and base.status in {Status.ACTIVE, Status.TRANSFERRING}
            and self._repeated(base) is None
        )

    def _repeated(self, base: SessionItem) -> Delivery | None:
        return lifecycle.repetition(base, self.event, int(self.invocation.arrived_at * 1000))

    def _ask_handler(self, base: SessionItem, item: SessionItem) -> Decision:
        call, pieces = self._call(base, item), None
        with self.runtime.time_limit(self._patience(self.invocation.arrived_at)):
            reply = self.handle(self.event, call)
            if self.in_pieces and isinstance(reply, Iterator):
                pieces = Pieces(reply, call)
                actions = pieces.next()
            else:
                actions = actions_of(reply, item.session_id)
        item = replace(item, state=call.state)
        if isinstance(self.event, _UNHEARD):
            return Decision(item, Outcome.SILENT)
        if pieces and actions:
            item = replace(item, speaking=self.invocation.id)
            return replace(self._remembered(self._leave(item, actions)), pieces=pieces)
        return self._remembered(self._leave(item, actions))

    def _leave(self, item: SessionItem, actions: Sequence[Action]) -> Decision:
        """Write actions as they leave, and note what waits for them."""
        leaving = outgoing(actions, item.session_id, self.runtime.settings.input_timeout_seconds)
        return self._depart(
            Decision(
                item=replace(item, followers=item.followers + leaving.followers),
                outcome=Outcome.ANSWERED if actions else Outcome.SILENT,
                actions=leaving.actions,
                foreign=leaving.foreign,
                problems=tuple(sorted({problem.code for problem in lint_actions(actions)})),
            )
        )

    def _depart(self, decision: Decision) -> Decision:
        """Take out what costs money and was decided before, and note what is left."""
        sent = tuple(
            action
            for action in decision.actions
            if action["type"] not in lifecycle.PRICED
            or lifecycle.intent(action) not in decision.item.ledger
        )
        item = lifecycle.depart(decision.item, sent, self._now_ms())
        return replace(decision, item=item, actions=sent)

    def _remembered(self, decision: Decision) -> Decision:
        item = lifecycle.remember(decision.item, self.event, decision.actions, self._now_ms())
        return replace(decision, item=item)

    def _call(self, base: SessionItem, item: SessionItem) -> Call:
        store = self.runtime.sessions
        return Call(
            Session.model_validate({**item.session, "id": item.session_id}),
            # A copy for the handler: `deepcopy` is slower, and stumbles over deep nesting.
            state=json.loads(as_json(item.state)),
            history=item.turns,
            config=self.runtime.settings.agent,
            transfer_failed=isinstance(self.event, SessionStart)
            and base.status is Status.TRANSFERRING,
            transcript=lambda: store.turns(item.session_id),
        )

    def _hang_up_again(self) -> tuple[JsonObject, ...]:
        # The call lives although it was hung up: that answer must have been lost. Saying it again
        # harms nobody.
        if not isinstance(self.event, EXPECTING):
            return ()
        return (Hangup(session_id=self.event.session.id).to_wire(),)

    def _patience(self, since: float) -> float:
        """Return the seconds that the handler has: the caller has waited since then."""
        invocation, now = self.invocation, self.runtime.now()
        ends = invocation.arrived_at + invocation.remaining_seconds - _RESERVE_SECONDS
        return min(since + self.runtime.settings.answer_deadline_seconds, ends) - now

    def _now_ms(self) -> int:
        return int(self.runtime.now() * 1000)
