"""The one road: `entrypoint` makes a Lambda handler of a function that answers events."""

import inspect
import json
from collections.abc import Callable, Mapping
from typing import Any, TypeAliasType, get_args, get_type_hints

from aiflow.errors import (
    AnswerTooLarge,
    DeadlineExceeded,
    ForeignAccount,
    InvalidAction,
    Refusal,
    StateNotStorable,
    StoreUnavailable,
)
from aiflow.protocol import wire
from aiflow.protocol.actions import Speak
from aiflow.protocol.events import Event, UnknownEvent, parse_event
from aiflow.runtime.auth import authenticate
from aiflow.runtime.call import Call, Reply
from aiflow.runtime.conversation import EXPECTING, Conversation, Invocation, Runtime
from aiflow.runtime.envelope import http_request, is_http
from aiflow.runtime.observability import Outcome, Report
from aiflow.runtime.reply import body_of, http_answer, http_refusal
from aiflow.runtime.settings import Settings, on_lambda
from aiflow.runtime.surroundings import Context

_REASONS: Mapping[type[Exception], str] = {
    StoreUnavailable: "store",
    DeadlineExceeded: "deadline",
    InvalidAction: "invalid_action",
    StateNotStorable: "state",
    AnswerTooLarge: "answer_too_large",
}


class Entrypoint:
    """A Lambda handler around a function that answers events; `entrypoint` makes it.

    Args:
        handle: the function.
        answers: the types of events that it answers.
        runtime: returns what the road needs from outside.
    """

    def __init__(
        self,
        handle: Callable[..., Reply],
        answers: tuple[type[Event | UnknownEvent], ...],
        runtime: Callable[[], Runtime],
    ) -> None:
        self._handle = handle
        self._answers = answers
        self._runtime = runtime

    def bind(self, runtime: Runtime) -> "Entrypoint":
        """Return the same handler on another runtime: for tests, and for your own machine."""
        return Entrypoint(self._handle, self._answers, lambda: runtime)

    def __call__(self, envelope: Mapping[str, Any], context: Context) -> Any:  # noqa: ANN401 - JSON
        """Take an event through the whole road, whatever door it came by.

        Returns:
            For API Gateway `{"statusCode": ..., "headers": ..., "body": ...}`. For a direct
            invocation the answer itself: an action, a list of actions, None, or
            `{"error": ..., "message": ...}`.
        """
        runtime = self._runtime()
        invocation = Invocation(
            id=context.aws_request_id,
            arrived_at=runtime.now(),
            remaining_seconds=context.get_remaining_time_in_millis() / 1000,
        )
        report = Report(request_id=invocation.id)
        try:
            event = _admit(runtime.settings, envelope)
        except Refusal as refusal:
            report.refused(refusal)
            answer = http_refusal(refusal)
        else:
            answer = http_answer(self._answer(runtime, invocation, event, report))
        runtime.telemetry.write(report, (runtime.now() - invocation.arrived_at) * 1000)
        return answer if is_http(envelope) else json.loads(answer.get("body", "null"))

    def _answer(
        self,
        runtime: Runtime,
        invocation: Invocation,
        event: Event | UnknownEvent,
        report: Report,
    ) -> str | None:
        report.session_id = event.session.id
        if isinstance(event, UnknownEvent):
            report.outcome = Outcome.UNKNOWN
            return None
        report.event_type = event.type
        if not isinstance(event, self._answers):
            report.outcome = Outcome.MISROUTED
            return None
        try:
            return Conversation(runtime, invocation, self._handle, event, report).answer()
        except Exception as error:  # noqa: BLE001 - the one place: the caller hears something
            report.failed(_REASONS.get(type(error), "handler_error"), error)
            return _apology(runtime.settings, event, report)


def entrypoint[E: Event | UnknownEvent](handle: Callable[[E, Call], Reply]) -> Entrypoint:
    """Make a Lambda handler of `handle(event, call)`.

    The annotation of `event` says which events it answers: one class, several, or `Event`.

    Raises:
        SettingsError: on Lambda, at start-up, when the environment is not complete.
        TypeError: `event` has no annotation.
    """
    if on_lambda():
        # Start-up has a full CPU and no caller who waits: get ready here, or refuse to start.
        _default_runtime()
    return Entrypoint(handle, _event_types(handle), _default_runtime)


def _default_runtime() -> Runtime:
    # Whoever binds another runtime does not pay for loading botocore.
    from aiflow.runtime.bootstrap import default_runtime  # noqa: PLC0415 - botocore

    return default_runtime()


def _event_types(handle: Callable[..., Reply]) -> tuple[type[Event | UnknownEvent], ...]:
    parameter = next(iter(inspect.signature(handle).parameters))
    annotation = get_type_hints(handle).get(parameter)
    if annotation is None:
        raise TypeError(f"{parameter} needs an annotation that says which events are answered")
    if isinstance(annotation, TypeAliasType):
        annotation = annotation.__value__
    return get_args(annotation) or (annotation,)


def _admit(settings: Settings, envelope: Mapping[str, Any]) -> Event | UnknownEvent:
    """Authenticate, limit and parse: what gets past here ends in 200 or 204."""
    request = http_request(envelope)
    if request is None:
        event = parse_event(envelope)
    else:
        authenticate(request.headers, settings.token_header, settings.token_digests)
        event = parse_event(wire.decode_object(request.text()))
    account = event.session.account_id
    if settings.allowed_account_ids and account and account not in settings.allowed_account_ids:
        raise ForeignAccount("account", "This account is not served here.")
    return event


def _apology(settings: Settings, event: Event, report: Report) -> str | None:
    """Return what needs neither store nor handler, for events after which the caller waits."""
    if not isinstance(event, EXPECTING):
        return None
    speak = Speak(
        session_id=event.session.id,
        text=settings.apology,
        user_input_timeout_seconds=settings.input_timeout_seconds,
    )
    report.actions = [speak.type]
    return body_of([speak.to_wire()])
