"""The Lambda handler of the WebSocket routes `$connect`, `$disconnect` and `$default`."""

from collections.abc import Callable, Mapping
from typing import Any

from aiflow.bootstrap import default_dependencies, eager_on_lambda
from aiflow.domain.decisions import Outcome
from aiflow.errors import RequestRejected
from aiflow.pipeline.runtime import Context, Dependencies
from aiflow.protocol import json_codec
from aiflow.protocol.events import UnknownEvent, parse_event
from aiflow.telemetry import EventReport
from aiflow.transports.api_gateway_payload import Body, websocket_message
from aiflow.transports.websocket import ACCEPTED

_EVENT_TYPES = {"CONNECT": "connect", "DISCONNECT": "disconnect"}


class Connection:
    """A Lambda handler for `$connect`, `$disconnect` and `$default`.

    Args:
        dependencies: returns the settings, the telemetry and the clock.
    """

    def __init__(self, dependencies: Callable[[], Dependencies]) -> None:
        self._dependencies = dependencies

    def bind(self, dependencies: Dependencies) -> "Connection":
        """Return a handler with other dependencies, for tests and the emulator."""
        return Connection(lambda: dependencies)

    def __call__(self, envelope: Mapping[str, Any], context: Context) -> Mapping[str, int]:
        """Log the beginning or the end of a connection, or a message that has no route.

        Returns:
            Always `{"statusCode": 200}`: no message closes a call.
        """
        dependencies = self._dependencies()
        arrived_at = dependencies.now()
        report = EventReport(request_id=context.aws_request_id)
        message = websocket_message(envelope)
        if message.kind in _EVENT_TYPES:
            report.event_type = _EVENT_TYPES[message.kind]
        else:
            _classify(message.body, report)
        duration_ms = (dependencies.now() - arrived_at) * 1000
        dependencies.telemetry.write(report, duration_ms)
        return ACCEPTED


def _classify(body: Body, report: EventReport) -> None:
    try:
        event = parse_event(json_codec.decode_object(body.text()))
    except RequestRejected as rejected:
        report.rejected(rejected)
    else:
        report.session_id = event.session.id
        is_unknown = isinstance(event, UnknownEvent)
        report.outcome = Outcome.UNKNOWN if is_unknown else Outcome.MISROUTED


lambda_handler = Connection(eager_on_lambda(default_dependencies))
