"""One event's way through its call: load, fence, repeat, handle, check, commit."""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace

from aiflow.errors import StoreUnavailable
from aiflow.protocol.actions import Hangup
from aiflow.protocol.events import (
    DtmfReceived,
    Event,
    Session,
    SessionEnd,
    SessionStart,
    SmsFailed,
    UserInputTimeout,
    UserSpeak,
)
from aiflow.protocol.lint import lint_actions
from aiflow.protocol.types import JsonObject
from aiflow.runtime import lifecycle
from aiflow.runtime.call import Call, Reply
from aiflow.runtime.connections import Connections
from aiflow.runtime.deadline import TimeLimit
from aiflow.runtime.observability import Outcome, Report
from aiflow.runtime.reply import actions_of, body_of, outgoing, watched
from aiflow.runtime.surroundings import Surroundings
from aiflow.sessions.model import SessionItem, Status, as_json
from aiflow.sessions.store import CommitConflict, SessionStore

EXPECTING = (SessionStart, UserSpeak, DtmfReceived, UserInputTimeout, SmsFailed)
"""Events after which the caller waits for us: here a failure must be heard."""

_TRIES = 5
_MAX_PAUSE_SECONDS = 0.05
_RESERVE_SECONDS = 0.5


@dataclass(frozen=True, kw_only=True)
class Runtime(Surroundings):
    """All that comes from outside, made once at start-up and passed in.

    Attributes:
        sessions: where calls are kept.
        connections: the way to those who are connected to a WebSocket.
        pause: waits for so many seconds.
        chance: a random number from 0 up to 1.
        time_limit: limits a block to so many seconds.
    """

    sessions: SessionStore
    connections: Connections
    pause: Callable[[float], None]
    chance: Callable[[], float]
    time_limit: TimeLimit


@dataclass(frozen=True, kw_only=True)
class Invocation:
    """One run of a Lambda function.

    Attributes:
        id: given by the platform, different for each.
        arrived_at: Unix time in seconds.
        remaining_seconds: until the platform ends it.
    """

    id: str
    arrived_at: float
    remaining_seconds: float


@dataclass(frozen=True)
class Decision:
    """What comes of an event.

    Attributes:
        item: what is to be committed, if it differs from what was loaded.
        outcome: how the event went.
        actions: what is answered.
        foreign: how many actions named another session and were put right.
        problems: codes of what the linter has to say about the answer.
    """

    item: SessionItem
    outcome: Outcome
    actions: tuple[JsonObject, ...] = ()
    foreign: int = 0
    problems: tuple[str, ...] = ()


@dataclass(frozen=True)
class Conversation:
    """One event on its way through its call.

    Attributes:
        runtime: what comes from outside.
        invocation: the run of the function that does it.
        handle: the handler.
        event: what happened.
        report: filled in on the way.
    """

    runtime: Runtime
    invocation: Invocation
    handle: Callable[..., Reply]
    event: Event
    report: Report

    def answer(self) -> str | None:
        """Decide and commit; return the body of the answer, None for silence.

        Whoever loses the race for the commit goes back to the fence with what the winner left.

        Raises:
            AiflowError: the store, the handler or its answer failed; nothing was committed that the
                caller hears.
        """
        store = self.runtime.sessions
        item = store.load(self.event.session.id)
        for attempt in range(_TRIES):
            base = item or SessionItem(session_id=self.event.session.id)
            decision = self._decide(base, raced=attempt > 0)
            body = body_of(decision.actions)
            try:
                if decision.item != base:
                    store.commit(decision.item.next_version(self.invocation.id, self._expires_at()))
            except CommitConflict as conflict:
                item = conflict.current
                self.report.count("StoreRetry")
                self.runtime.pause(self.runtime.chance() * _MAX_PAUSE_SECONDS * (attempt + 1))
                continue
            self._tell(decision)
            return body
        raise StoreUnavailable(f"the session was changed by others {_TRIES} times in a row")

    def _decide(self, base: SessionItem, *, raced: bool) -> Decision:
        if base.status is Status.ENDED:
            return Decision(base, Outcome.LATE)
        if base.status is Status.HANGING_UP and not isinstance(self.event, SessionEnd):
            return Decision(base, Outcome.LATE, self._hang_up_again())
        known = lifecycle.repetition(base, self.event, int(self.invocation.arrived_at * 1000))
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
        return self._depart(Decision(item, Outcome.ANSWERED, due))

    def _ask_handler(self, base: SessionItem, item: SessionItem) -> Decision:
        call = self._call(base, item)
        with self.runtime.time_limit(self._patience()):
            reply = self.handle(self.event, call)
        item = replace(item, state=call.state)
        if isinstance(self.event, SessionEnd):
            return Decision(item, Outcome.SILENT)
        actions = actions_of(reply, item.session_id)
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
        now_ms = self._now_ms()
        item = lifecycle.depart(decision.item, sent, now_ms)
        item = lifecycle.remember(item, self.event, sent, now_ms)
        return replace(decision, item=item, actions=sent)

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

    def _patience(self) -> float:
        budget = (
            self.invocation.arrived_at
            + self.runtime.settings.answer_deadline_seconds
            - self.runtime.now()
        )
        return min(budget, self.invocation.remaining_seconds - _RESERVE_SECONDS)

    def _now_ms(self) -> int:
        return int(self.runtime.now() * 1000)

    def _expires_at(self) -> int:
        return int(self.runtime.now()) + self.runtime.settings.session_ttl_seconds

    def _tell(self, decision: Decision) -> None:
        types = [str(action["type"]) for action in decision.actions]
        self.report.outcome = decision.outcome
        self.report.actions = types
        self.report.details["problems"] = list(decision.problems)
        self.report.count("PricedAction", sum(name in lifecycle.PRICED for name in types))
        self.report.count("PolicyBlocked", decision.foreign)
        self.report.count("Duplicate", decision.outcome is Outcome.DUPLICATE)
        self.report.count("LateEvent", decision.outcome is Outcome.LATE)
