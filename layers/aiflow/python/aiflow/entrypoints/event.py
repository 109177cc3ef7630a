"""The entrypoint of events: makes a Lambda handler of a function that answers events."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any, Self, TypeAliasType, get_args, get_type_hints

from aiflow.bootstrap import default_runtime, eager_on_lambda
from aiflow.call import Call, Reply
from aiflow.domain.decisions import Outcome
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
from aiflow.pipeline.processor import EventProcessor
from aiflow.pipeline.runtime import Context, Invocation, Runtime
from aiflow.protocol.events import Event, Session, SessionEnd, UnknownEvent
from aiflow.sessions.record import SessionRecord
from aiflow.telemetry import EventReport
from aiflow.transports.api_gateway_payload import is_enveloped, is_websocket
from aiflow.transports.authentication import check_account
from aiflow.transports.base import BufferedResponder, Responder, Transport
from aiflow.transports.connection_sender import ConnectionSender
from aiflow.transports.direct import DirectTransport
from aiflow.transports.http import HttpTransport
from aiflow.transports.websocket import WebSocketTransport

_REASONS: Mapping[type[Exception], str] = {
    StoreUnavailable: "store",
    DeadlineExceeded: "deadline",
    InvalidAction: "invalid_action",
    StateNotStorable: "state",
    AnswerTooLarge: "answer_too_large",
    ConnectionUnavailable: "connection",
}

type MakeProcessor = Callable[
    [Runtime, Invocation, Callable[..., Reply], Event, Responder, EventReport], EventProcessor
]
"""Makes the processor of an event."""


class Entrypoint:
    """A Lambda handler around a function that answers events; `entrypoint` makes it.

    Args:
        handle: the function.
        answers: the types of events that it answers.
        runtime: returns the dependencies.
        processor: makes the processor of an event.
    """

    def __init__(
        self,
        handle: Callable[..., Reply],
        answers: tuple[type[Event], ...],
        runtime: Callable[[], Runtime],
        processor: MakeProcessor = EventProcessor,
    ) -> None:
        self.handle = handle
        self._answers = answers
        self._runtime = runtime
        self._processor = processor

    def bind(self, runtime: Runtime, processor: MakeProcessor | None = None) -> Self:
        """Return the same handler with other dependencies: for tests and local use."""
        return type(self)(self.handle, self._answers, lambda: runtime, processor or self._processor)

    def __call__(self, envelope: Mapping[str, Any], context: Context) -> Any:  # noqa: ANN401 - JSON
        """Process an event, whatever transport it came by.

        Returns:
            For an HTTP request `{"statusCode": ..., "headers": ..., "body": ...}`. For a WebSocket
            message `{"statusCode": 200}`, the answers having been sent already. For a direct
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
        transport = select_transport(envelope, runtime.connections)
        try:
            event = transport.receive(runtime.settings, report)
            check_account(event, runtime.settings)
        except RequestRejected as rejected:
            report.rejected(rejected)
            result = transport.rejection(rejected)
        else:
            processor = self._prepare(runtime, invocation, event, transport.responder, report)
            if processor:
                _run(processor, processor.process)
            result = transport.response()
        runtime.telemetry.write(report, (runtime.now() - invocation.arrived_at) * 1000)
        return result

    def close(self, abandoned: SessionRecord, runtime: Runtime, invocation: Invocation) -> None:
        """End an abandoned call, and run the `session_end` handler for it.

        The handler runs only if no other invocation has changed the call since it was loaded.
        """
        members = {**abandoned.session, "id": abandoned.session_id}
        event = SessionEnd(session=Session.model_validate(members))
        report = EventReport(request_id=invocation.id)
        processor = self._prepare(runtime, invocation, event, BufferedResponder(), report)
        if processor:
            _run(processor, lambda: processor.close_abandoned(abandoned))
        runtime.telemetry.write(report, (runtime.now() - invocation.arrived_at) * 1000)

    def _prepare(
        self,
        runtime: Runtime,
        invocation: Invocation,
        event: Event | UnknownEvent,
        responder: Responder,
        report: EventReport,
    ) -> EventProcessor | None:
        """Return the processor of an event; None if this handler does not answer its type."""
        report.session_id = event.session.id
        if isinstance(event, UnknownEvent):
            report.outcome = Outcome.UNKNOWN
            return None
        report.event_type = event.type
        if not isinstance(event, self._answers):
            report.outcome = Outcome.MISROUTED
            return None
        return self._processor(runtime, invocation, self.handle, event, responder, report)


def entrypoint[E: Event](handle: Callable[[E, Call], Reply]) -> Entrypoint:
    """Make a Lambda handler of `handle(event, call)`.

    The annotation of `event` says which events it answers: one class, several, or `Event`.

    Raises:
        SettingsError: on Lambda, at start-up, if the environment is not complete.
        TypeError: `event` has no annotation.
    """
    return Entrypoint(handle, _event_types(handle), eager_on_lambda(default_runtime))


def select_transport(envelope: Mapping[str, Any], connections: ConnectionSender) -> Transport:
    """Return the transport of an event: by API Gateway's `requestContext`, never by the body."""
    if is_websocket(envelope):
        return WebSocketTransport(envelope, connections)
    return HttpTransport(envelope) if is_enveloped(envelope) else DirectTransport(envelope)


def _run(processor: EventProcessor, process: Callable[[], None]) -> None:
    """Run the processor; turn every failure into an apology."""
    report = processor.report
    try:
        process()
    except ConnectionGone:
        report.outcome = Outcome.GONE
    except Exception as error:  # noqa: BLE001 - the only place; the caller hears an apology
        report.failed(_REASONS.get(type(error), "handler_error"), error)
        is_store_or_connection = isinstance(error, (StoreUnavailable, ConnectionUnavailable))
        processor.recover(store_available=not is_store_or_connection)


def _event_types(handle: Callable[..., Reply]) -> tuple[type[Event], ...]:
    parameter = next(iter(inspect.signature(handle).parameters))
    annotation = get_type_hints(handle).get(parameter)
    if annotation is None:
        raise TypeError(f"{parameter} needs an annotation that says which events are answered")
    if isinstance(annotation, TypeAliasType):
        annotation = annotation.__value__
    return get_args(annotation) or (annotation,)
