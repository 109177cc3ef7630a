"""The direct transport: an event without an envelope (`sam local invoke`, the Lambda console).

IAM has authorized the invocation.
"""

import json
from typing import Any

from aiflow.errors import InvalidEvent, RequestRejected
from aiflow.protocol.events import Event, UnknownEvent
from aiflow.settings import Settings
from aiflow.telemetry import EventReport
from aiflow.transports.api_gateway_payload import is_object
from aiflow.transports.base import BufferedResponder, parse
from aiflow.transports.http import error_response


class DirectTransport:
    """An invocation whose payload is the event.

    Args:
        payload: of the invocation.
    """

    def __init__(self, payload: object) -> None:
        self.responder = BufferedResponder()
        self._payload = payload

    def receive(self, settings: Settings, report: EventReport) -> Event | UnknownEvent:
        """See `Transport.receive`."""
        del settings
        if not is_object(self._payload):
            raise InvalidEvent("not_object", "An event is a JSON object.")
        return parse(self._payload, report)

    def response(self) -> Any:  # noqa: ANN401 - JSON
        """Return the answer: an action, a list of actions, or None."""
        body = self.responder.body
        return None if body is None else json.loads(body)

    def rejection(self, rejected: RequestRejected) -> Any:  # noqa: ANN401 - JSON
        """Return `{"error": ..., "message": ...}`."""
        return json.loads(error_response(rejected)["body"])
