"""The one road: `entrypoint` makes a Lambda handler of a function that answers events."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, NamedTuple, Self, TypeAliasType, get_args, get_type_hints

from aiflow.bootstrap import default_runtime, eager_on_lambda
from aiflow.call import Call, Reply
from aiflow.errors import (
    AnswerTooLarge,
    ConnectionGone,
    ConnectionUnavailable,
    DeadlineExceeded,
    InvalidAction,
    RequestRejected,
    StateNotStorable,
    StoreUnavailable,
)
from aiflow.pipeline.deciding import Deciding
from aiflow.pipeline.processor import Conversation
from aiflow.pipeline.runtime import Context, Invocation, Runtime
from aiflow.protocol.events import Event, Session, SessionEnd, UnknownEvent
from aiflow.sessions.record import SessionRecord
from aiflow.telemetry import EventReport, Outcome
from aiflow.transports.base import check_account, select_transport
from aiflow.transports.ways import BufferedResponder, Responder

_REASONS: Mapping[type[Exception], str] = {
    StoreUnavailable: "store",
    DeadlineExceeded: "deadline",
    InvalidAction: "invalid_action",
    StateNotStorable: "state",
    AnswerTooLarge: "answer_too_large",
    ConnectionUnavailable: "connection",
}


class _Arrived(NamedTuple):
    """An event that was let in, where its answer goes, and what is told of it."""

    event: Event | UnknownEvent
    way: Responder
    report: EventReport
    abandoned: SessionRecord | None = None


class Entrypoint:
    """A Lambda handler around a function that answers events; `entrypoint` makes it.

    Args:
        handle: the function.
        answers: the types of events that it answers.
        runtime: returns what the road needs from outside.
    """

    # The simulation puts wrong ones in their place, to see that it notices.
    deciding: ClassVar[type[Deciding]] = Deciding
    conversation: ClassVar[type[Conversation]] = Conversation

    def __init__(
        self,
        handle: Callable[..., Reply],
        answers: tuple[type[Event], ...],
        runtime: Callable[[], Runtime],
    ) -> None:
        self._handle = handle
        self._answers = answers
        self._runtime = runtime

    def bind(self, runtime: Runtime) -> Self:
        """Return the same handler on another runtime: for tests, and for your own machine."""
        return type(self)(self._handle, self._answers, lambda: runtime)

    def __call__(self, envelope: Mapping[str, Any], context: Context) -> Any:  # noqa: ANN401 - JSON
        """Take an event through the whole road, whatever door it came by.

        Returns:
            For a request `{"statusCode": ..., "headers": ..., "body": ...}`. For a message of a
            WebSocket `{"statusCode": 200}`, the answers having gone already. For a direct
            invocation the answer itself: an action, a list of actions, None, or
            `{"error": ..., "message": ...}`.
        """
        runtime = self._runtime()
        invocation = Invocation(
            id=context.aws_request_id,
            arrived_at=runtime.now(),
            remaining_seconds=context.get_remaining_time_in_millis() / 1000,
        )
        report = EventReport(request_id=invocation.id)
        door = select_transport(envelope, runtime.connections)
        try:
            event = check_account(door.event(runtime.settings, report), runtime.settings)
        except RequestRejected as refusal:
            report.refused(refusal)
            answer = door.refused(refusal)
        else:
            self._answer(runtime, invocation, _Arrived(event, door.way, report))
            answer = door.answered()
        runtime.telemetry.write(report, (runtime.now() - invocation.arrived_at) * 1000)
        return answer

    def close(self, abandoned: SessionRecord, runtime: Runtime, invocation: Invocation) -> None:
        """Take a `session_end` that never came through the road, for a call that was abandoned.

        The handler is asked only if nobody has touched the call since it was loaded.
        """
        members = {**abandoned.session, "id": abandoned.session_id}
        event = SessionEnd(session=Session.model_validate(members))
        report = EventReport(request_id=invocation.id)
        self._answer(runtime, invocation, _Arrived(event, BufferedResponder(), report, abandoned))
        runtime.telemetry.write(report, (runtime.now() - invocation.arrived_at) * 1000)

    def _answer(self, runtime: Runtime, invocation: Invocation, arrived: _Arrived) -> None:
        event, way, report = arrived.event, arrived.way, arrived.report
        report.session_id = event.session.id
        if isinstance(event, UnknownEvent):
            report.outcome = Outcome.UNKNOWN
            return
        report.event_type = event.type
        if not isinstance(event, self._answers):
            report.outcome = Outcome.MISROUTED
            return
        in_pieces = way.connection_id is not None
        deciding = self.deciding(
            runtime, invocation, self._handle, event, report, in_pieces=in_pieces
        )
        conversation = self.conversation(deciding, way, report)
        try:
            if arrived.abandoned:
                conversation.close(arrived.abandoned)
            else:
                conversation.answer()
        except ConnectionGone:
            report.outcome = Outcome.GONE
        except Exception as error:  # noqa: BLE001 - the one place: the caller hears something
            report.failed(_REASONS.get(type(error), "handler_error"), error)
            is_kept = not isinstance(error, (StoreUnavailable, ConnectionUnavailable))
            conversation.apologise(is_kept=is_kept)


def entrypoint[E: Event](handle: Callable[[E, Call], Reply]) -> Entrypoint:
    """Make a Lambda handler of `handle(event, call)`.

    The annotation of `event` says which events it answers: one class, several, or `Event`.

    Raises:
        SettingsError: on Lambda, at start-up, when the environment is not complete.
        TypeError: `event` has no annotation.
    """
    return Entrypoint(handle, _event_types(handle), eager_on_lambda(default_runtime))


def _event_types(handle: Callable[..., Reply]) -> tuple[type[Event], ...]:
    parameter = next(iter(inspect.signature(handle).parameters))
    annotation = get_type_hints(handle).get(parameter)
    if annotation is None:
        raise TypeError(f"{parameter} needs an annotation that says which events are answered")
    if isinstance(annotation, TypeAliasType):
        annotation = annotation.__value__
    return get_args(annotation) or (annotation,)
