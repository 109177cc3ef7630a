"""The event processor: load, guard, run the handler, commit, send."""

from collections.abc import Callable
from contextlib import suppress
from copy import replace
from dataclasses import dataclass, field
from functools import partial

from aiflow.call import Reply
from aiflow.domain.answers import (
    answer,
    continue_answer,
    failure_answer,
    filler_answer,
    uncounted_apology,
)
from aiflow.domain.decisions import AWAITED_EVENTS, CommitFirst, Decision, EventContext, Outcome
from aiflow.domain.guards import GUARDS, Guard, Guards
from aiflow.domain.outbox import encode_actions
from aiflow.domain.transitions import (
    apply_event,
    bind_connection,
    may_continue_stream,
)
from aiflow.errors import (
    ConnectionGone,
    ConnectionUnavailable,
    DeadlineExceeded,
    StateNotStorable,
    StoreUnavailable,
)
from aiflow.pipeline.connection_failover import ConnectionFailover
from aiflow.pipeline.deadlines import Deadlines
from aiflow.pipeline.handler_runner import HandlerReply, HandlerRunner
from aiflow.pipeline.reply_stream import ReplyStream
from aiflow.pipeline.runtime import Invocation, Runtime
from aiflow.pipeline.unit_of_work import UnitOfWork
from aiflow.protocol.actions import Action
from aiflow.protocol.events import Event
from aiflow.sessions.record import SessionRecord, Status
from aiflow.sessions.store import CommitConflict
from aiflow.telemetry import EventReport
from aiflow.transports.base import Responder


@dataclass
class EventProcessor:
    """Processes one event of a call.

    Attributes:
        runtime: the dependencies.
        invocation: that processes the event.
        handle: the user's handler.
        event: that happened.
        responder: sends the answers.
        report: filled in on the way.
        guards: decide without the handler.
    """

    runtime: Runtime
    invocation: Invocation
    handle: Callable[..., Reply]
    event: Event
    responder: Responder
    report: EventReport
    guards: Guards = GUARDS
    _stream: ReplyStream | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        can_stream = self.responder.connection_id is not None
        is_awaited = isinstance(self.event, AWAITED_EVENTS)
        self.deadlines = Deadlines(
            self.runtime,
            self.invocation,
            self.report,
            is_awaited=is_awaited,
            can_send_filler=is_awaited and can_stream,
        )
        self.unit = self._make_unit()
        self.failover = ConnectionFailover(self.unit, self.responder, self.report)
        self.runner = HandlerRunner(self.runtime, self.handle, self.event, can_stream)

    def _make_unit(self) -> UnitOfWork:
        return UnitOfWork(
            self.event.session.id,
            self.runtime,
            self.invocation,
            self.deadlines,
            self.report,
            self.responder.check,
        )

    def process(self) -> None:
        """Decide, commit and send; chunk by chunk if the handler streams its reply.

        Raises:
            ConnectionGone: no connection of the call is left; the record says so.
            AiflowError: the store or the answer failed, or whatever the handler raised. Nothing was
                sent that was not committed.
        """
        self.unit.load()
        decision = self.unit.commit_with_retry(self._decide)
        if not self.unit.answer_begun:
            self.unit.answer_begun = True
            if self._stream:
                self._stream.mark_committed()
            self._send(decision)
        while self._stream:
            self._process_chunk(self._stream)

    def close_abandoned(self, record: SessionRecord) -> None:
        """End a call whose `session_end` never came: commit the end, then run the handler.

        Args:
            record: of the call, as the sweeper loaded it.

        Raises:
            AiflowError: see `process`.
        """
        self.unit.stored, self.unit.is_swept = record, True
        try:
            ended = self.unit.commit(apply_event(record, self.event, self._context().now_ms))
        except CommitConflict:
            # An event or the end of the call arrived after all.
            self.report.outcome = Outcome.LATE
            return
        self.report.count("AbandonedCalls")
        decision = self._answer(ended, was_transferring=False)
        self.unit.commit_decision(decision)
        self._send(decision)

    def recover(self, *, store_available: bool) -> None:
        """Send an apology after a failure, and commit what the event itself says.

        Errors of this last resort are suppressed.

        Args:
            store_available: whether to ask the store: not if the store itself failed.
        """
        actions = uncounted_apology(self._context())
        if store_available:
            with suppress(StoreUnavailable, StateNotStorable, DeadlineExceeded):
                self.unit.load()
                actions = self.unit.commit_with_retry(self._decide_failure).actions
        self.report.actions += [str(action["type"]) for action in actions]
        body = encode_actions(actions)
        if body:
            with suppress(
                ConnectionGone, ConnectionUnavailable, StoreUnavailable, DeadlineExceeded
            ):
                # Only the store knows another connection.
                (self.failover if store_available else self.responder).send(body)

    def _decide(self, stored: SessionRecord, *, is_retry: bool) -> Decision:
        # A stream of an attempt that lost its commit must not go on.
        self._stream = None
        stored = self._bind_connection(stored)
        record, decision = self._check(self.guards.before_event, stored, is_retry=is_retry)
        if decision:
            return decision
        was_transferring = record.status is Status.TRANSFERRING
        record = apply_event(record, self.event, self._context().now_ms)
        record, decision = self._check(self.guards.after_event, record, is_retry=is_retry)
        return decision or self._answer(record, was_transferring=was_transferring)

    def _check(
        self, guards: tuple[Guard, ...], record: SessionRecord, *, is_retry: bool
    ) -> tuple[SessionRecord, Decision | None]:
        context = self._context(is_retry=is_retry)
        for guard in guards:
            result = guard(context, record)
            if isinstance(result, CommitFirst):
                record = self.unit.commit(result.record)
            elif result:
                return record, result
        return record, None

    def _answer(self, record: SessionRecord, *, was_transferring: bool) -> Decision:
        """Run the handler, and decide on its reply unless the filler was sent meanwhile."""
        call = self.runner.build_call(record, was_transferring=was_transferring)
        with (
            self.deadlines.filler_timer(partial(self._send_filler, record)),
            self.deadlines.handler_timeout(self.invocation.arrived_at),
        ):
            reply = self.runner.run(call)
        if self.unit.answer_begun:
            return self._follow_filler(reply, record, ReplyStream(iter(()), call))
        context, is_streamed = self._context(), reply.stream is not None
        record = replace(record, state=call.state)
        decision = answer(context, record, reply.actions, is_streamed=is_streamed)
        has_more = decision.record.stream_owner == context.stream_owner
        self._stream = reply.stream if has_more else None
        return decision

    def _follow_filler(
        self, reply: HandlerReply, record: SessionRecord, empty: ReplyStream
    ) -> Decision:
        """Make the reply the next chunk: the filler was committed and sent as the first one."""
        self._stream = reply.stream or empty
        self._stream.push_back(reply.actions, record.state)
        return Decision(self.unit.stored, Outcome.ANSWERED)

    def _send_filler(self, record: SessionRecord) -> None:
        decision = filler_answer(self._context(), record)
        try:
            self.unit.commit_decision(decision)
        except CommitConflict:
            # The answer will conflict as well, and is then decided again.
            return
        self.unit.answer_begun = True
        self.report.count("Filler")
        self._send(decision)

    def _process_chunk(self, stream: ReplyStream) -> None:
        with self.deadlines.handler_timeout(self.runtime.now()):
            actions = stream.next()
        decision = self.unit.commit_with_retry(partial(self._decide_chunk, stream, actions))
        if decision.is_chunk:
            stream.mark_committed()
        else:
            self._stream = None
        self._send(decision)

    def _decide_chunk(
        self,
        stream: ReplyStream,
        actions: tuple[Action, ...],
        stored: SessionRecord,
        *,
        is_retry: bool,
    ) -> Decision:
        context = self._context()
        owner, is_complete = context.stream_owner, not actions
        if is_retry and not may_continue_stream(stored, owner, is_complete=is_complete):
            stream.close()
            return Decision(stored, Outcome.SUPERSEDED)
        record = replace(stored, state=stream.merge_state_into(stored.state))
        return continue_answer(context, record, actions)

    def _decide_failure(self, stored: SessionRecord, *, is_retry: bool) -> Decision:
        del is_retry
        record = self._bind_connection(stored)
        return failure_answer(self._context(), record, answer_begun=self.unit.answer_begun)

    def _context(self, *, is_retry: bool = False) -> EventContext:
        arrived_at_ms = int(self.invocation.arrived_at * 1000)
        return EventContext(
            event=self.event,
            settings=self.runtime.settings,
            fingerprint_key=self.runtime.settings.fingerprint_key,
            is_awaited=self.deadlines.is_awaited,
            stream_owner=f"{arrived_at_ms}:{self.invocation.id}",
            arrived_at_ms=arrived_at_ms,
            now_ms=int(self.runtime.now() * 1000),
            is_retry=is_retry,
            owner_at_load=self.unit.first_loaded.stream_owner,
        )

    def _bind_connection(self, stored: SessionRecord) -> SessionRecord:
        """Note the connection of this event, unless the service has reconnected meanwhile."""
        has_reconnected = stored.connection_id != self.unit.first_loaded.connection_id
        if has_reconnected and stored.status is not Status.GONE:
            return stored
        return bind_connection(stored, self.responder.connection_id)

    def _send(self, decision: Decision) -> None:
        self.report.decided(decision)
        if decision.body is None:
            return
        self.failover.send(decision.body)
        if self.responder.connection_id and self.report.answered_ms is None:
            waited = self.runtime.now() - self.invocation.arrived_at
            self.report.answered_ms = waited * 1000
