"""The WebSocket itself: connected, disconnected, or with a message that no other function takes."""

from collections.abc import Callable, Mapping
from typing import Any

from aiflow.bootstrap import default_dependencies, eager_on_lambda
from aiflow.domain.decisions import Outcome
from aiflow.errors import RequestRejected
from aiflow.pipeline.runtime import Context, Dependencies
from aiflow.protocol import json_codec
from aiflow.protocol.events import UnknownEvent, parse_event
from aiflow.telemetry import EventReport
from aiflow.transports.api_gateway import Body, websocket_message
from aiflow.transports.websocket import ACCEPTED

_BEGIN_AND_END = {"CONNECT": "connect", "DISCONNECT": "disconnect"}


class Connection:
    """A Lambda handler for `$connect`, `$disconnect` and `$default`; `connection` makes it.

    Args:
        surroundings: returns what it needs from outside.
    """

    def __init__(self, surroundings: Callable[[], Dependencies]) -> None:
        self._surroundings = surroundings

    def bind(self, surroundings: Dependencies) -> "Connection":
        """Return the same handler with other surroundings: for tests, and for your own machine."""
        return Connection(lambda: surroundings)

    def __call__(self, envelope: Mapping[str, Any], context: Context) -> Mapping[str, int]:
        """Take down what happened, and let the connection be.

        Returns:
            `{"statusCode": 200}`, whatever it was: no message closes a call.
        """
        around = self._surroundings()
        arrived_at = around.now()
        report = EventReport(request_id=context.aws_request_id)
        message = websocket_message(envelope)
        if message.kind in _BEGIN_AND_END:
            report.event_type = _BEGIN_AND_END[message.kind]
        else:
            _look_at(message.body, report)
        around.telemetry.write(report, (around.now() - arrived_at) * 1000)
        return ACCEPTED


def connection() -> Connection:
    """Make the Lambda handler of the WebSocket's own routes.

    Raises:
        SettingsError: on Lambda, at start-up, when the environment is not complete.
    """
    return Connection(eager_on_lambda(default_dependencies))


def _look_at(body: Body, report: EventReport) -> None:
    try:
        event = parse_event(json_codec.decode_object(body.text()))
    except RequestRejected as rejected:
        report.rejected(rejected)
    else:
        report.session_id = event.session.id
        is_unknown = isinstance(event, UnknownEvent)
        report.outcome = Outcome.UNKNOWN if is_unknown else Outcome.MISROUTED
