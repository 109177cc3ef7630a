"""The WebSocket transport: a message that API Gateway passes on, and any number of answers."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aiflow.errors import AnswerTooLarge, RequestRejected
from aiflow.protocol import json_codec
from aiflow.protocol.events import Event, UnknownEvent
from aiflow.settings import Settings
from aiflow.telemetry import EventReport
from aiflow.transports.api_gateway_payload import websocket_message
from aiflow.transports.base import parse
from aiflow.transports.connection_sender import MAX_MESSAGE_BYTES, ConnectionSender

ACCEPTED: Mapping[str, int] = {"statusCode": 200}
"""The result for API Gateway in every case; it is not passed on."""


@dataclass
class WebSocketResponder:
    """Sends each answer at once.

    Attributes:
        connections: sends them.
        connection_id: the target; changes if the service has reconnected.
    """

    connections: ConnectionSender
    connection_id: str | None

    def check(self, body: str) -> None:
        """See `Responder.check`."""
        if len(body) > MAX_MESSAGE_BYTES:
            raise AnswerTooLarge(
                f"an answer over a WebSocket has at most {MAX_MESSAGE_BYTES:,} bytes, about 3 s of"
                f" sound, not {len(body):,}: yield it in chunks, or let AI Flow use the webhook"
            )

    def send(self, body: str) -> None:
        """See `Responder.send`."""
        self.connections.send(str(self.connection_id), body)


class WebSocketTransport:
    """A message of a WebSocket API; its connection was authorized by the token.

    Args:
        envelope: the payload of the invocation.
        connections: sends the answers.
    """

    def __init__(self, envelope: Mapping[str, Any], connections: ConnectionSender) -> None:
        self._message = websocket_message(envelope)
        self.responder = WebSocketResponder(connections, self._message.connection_id)

    def receive(self, settings: Settings, report: EventReport) -> Event | UnknownEvent:
        """See `Transport.receive`."""
        del settings
        return parse(json_codec.decode_object(self._message.body.text()), report)

    def response(self) -> Mapping[str, int]:
        """Return 200: the answers have been sent already."""
        return ACCEPTED

    def rejection(self, rejected: RequestRejected) -> Mapping[str, int]:
        """Return 200, too: bad input is dropped, and the call goes on."""
        del rejected
        return ACCEPTED
