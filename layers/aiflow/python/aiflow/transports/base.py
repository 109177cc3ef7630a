"""Doors: how an event comes in and how its answer goes out, for each way into a function.

Which door it was is told by the gateway's own `requestContext` and never by the body. An event
without any is a direct invocation (`sam local invoke`, the Lambda console), which IAM has
authorised.
"""

import json
from collections.abc import Mapping
from typing import Any, Protocol

from aiflow.domain.outbox import error_response, ok_or_no_content
from aiflow.errors import AccountNotAllowed, InvalidEvent, RequestRejected
from aiflow.protocol import json_codec
from aiflow.protocol.events import Event, UnknownEvent, legacy_name, parse_event
from aiflow.settings import Settings
from aiflow.telemetry import EventReport
from aiflow.transports.api_gateway import (
    http_request,
    is_enveloped,
    is_object,
    is_websocket,
    websocket_message,
)
from aiflow.transports.authentication import authenticate
from aiflow.transports.connections import ConnectionSender
from aiflow.transports.ways import BufferedResponder, Responder, WebSocketResponder

ACCEPTED: Mapping[str, int] = {"statusCode": 200}
"""What API Gateway is told of a message: all is well, whatever it was. It goes no further."""


class Transport(Protocol):
    """A way into a function and back."""

    @property
    def way(self) -> Responder:
        """Where answers go."""
        ...

    def event(self, settings: Settings, report: EventReport) -> Event | UnknownEvent:
        """Authenticate, limit and parse, in this order.

        Raises:
            Refusal: it goes no further.
        """
        ...

    def answered(self) -> Any:  # noqa: ANN401 - JSON
        """Return what Lambda is told when the event has been answered."""
        ...

    def refused(self, refusal: RequestRejected) -> Any:  # noqa: ANN401 - JSON
        """Return what Lambda is told of a refusal."""
        ...


class HttpTransport:
    """A request of an HTTP API or a REST API.

    Args:
        envelope: as API Gateway hands it over.
    """

    def __init__(self, envelope: Mapping[str, Any]) -> None:
        self.way = BufferedResponder()
        self._envelope = envelope

    def event(self, settings: Settings, report: EventReport) -> Event | UnknownEvent:
        """See `Transport.event`."""
        request = http_request(self._envelope)
        report.shown(authenticate(request.headers, settings.token_header, settings.token_digests))
        return _parsed(json_codec.decode_object(request.text()), report)

    def answered(self) -> dict[str, Any]:
        """Return 200 with actions, or 204."""
        return ok_or_no_content(self.way.body)

    def refused(self, refusal: RequestRejected) -> dict[str, Any]:
        """Return a 4xx."""
        return error_response(refusal)


class WebSocketTransport:
    """A message of a WebSocket API; who is connected has shown the token.

    Args:
        envelope: as API Gateway hands it over.
        connections: the way back.
    """

    def __init__(self, envelope: Mapping[str, Any], connections: ConnectionSender) -> None:
        self._message = websocket_message(envelope)
        self.way = WebSocketResponder(connections, self._message.connection_id)

    def event(self, settings: Settings, report: EventReport) -> Event | UnknownEvent:
        """See `Transport.event`."""
        del settings
        return _parsed(json_codec.decode_object(self._message.body.text()), report)

    def answered(self) -> Mapping[str, int]:
        """Return that all is well: the answers have gone already."""
        return ACCEPTED

    def refused(self, refusal: RequestRejected) -> Mapping[str, int]:
        """Return the same: bad input is dropped, and the call goes on."""
        del refusal
        return ACCEPTED


class DirectTransport:
    """An event without anything around it.

    Args:
        event: as it came.
    """

    def __init__(self, event: object) -> None:
        self.way = BufferedResponder()
        self._event = event

    def event(self, settings: Settings, report: EventReport) -> Event | UnknownEvent:
        """See `Transport.event`."""
        del settings
        if not is_object(self._event):
            raise InvalidEvent("not_object", "An event is a JSON object.")
        return _parsed(self._event, report)

    def answered(self) -> Any:  # noqa: ANN401 - JSON
        """Return the answer itself: an action, a list of actions, or None."""
        return None if self.way.body is None else json.loads(self.way.body)

    def refused(self, refusal: RequestRejected) -> Any:  # noqa: ANN401 - JSON
        """Return `{"error": ..., "message": ...}`."""
        return json.loads(error_response(refusal)["body"])


def _parsed(data: Mapping[str, object], report: EventReport) -> Event | UnknownEvent:
    event, older = parse_event(data), legacy_name(data)
    if older:
        report.details["legacy_name"] = older
    return event


def check_account(event: Event | UnknownEvent, settings: Settings) -> Event | UnknownEvent:
    """Return an event, if this stack serves its account.

    Raises:
        ForeignAccount: it does not.
    """
    account = event.session.account_id
    if settings.allowed_account_ids and account and account not in settings.allowed_account_ids:
        raise AccountNotAllowed("account", "This account is not served here.")
    return event


def select_transport(envelope: Mapping[str, Any], connections: ConnectionSender) -> Transport:
    """Return the door that an event came through."""
    if is_websocket(envelope):
        return WebSocketTransport(envelope, connections)
    return HttpTransport(envelope) if is_enveloped(envelope) else DirectTransport(envelope)
