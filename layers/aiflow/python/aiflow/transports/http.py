"""The HTTP transport: a request of an HTTP API or a REST API, answered with 200, 204 or 4xx."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from aiflow.errors import (
    AccountNotAllowed,
    BodyTooLarge,
    InvalidEvent,
    MethodNotAllowed,
    RequestRejected,
    Unauthorized,
    UnsupportedBody,
)
from aiflow.protocol import json_codec
from aiflow.protocol.events import Event, UnknownEvent
from aiflow.settings import Settings
from aiflow.telemetry import EventReport
from aiflow.transports.api_gateway_payload import http_request
from aiflow.transports.authentication import authenticate
from aiflow.transports.base import BufferedResponder, parse

STATUS: Mapping[type[RequestRejected], HTTPStatus] = {
    InvalidEvent: HTTPStatus.BAD_REQUEST,
    Unauthorized: HTTPStatus.UNAUTHORIZED,
    AccountNotAllowed: HTTPStatus.FORBIDDEN,
    MethodNotAllowed: HTTPStatus.METHOD_NOT_ALLOWED,
    BodyTooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    UnsupportedBody: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
}
"""The status of every rejection. Everything authenticated and well-formed ends in 200 or 204."""


class HttpTransport:
    """A request that API Gateway passes on.

    Args:
        envelope: the payload of the invocation, version 2.0 or 1.0.
    """

    def __init__(self, envelope: Mapping[str, Any]) -> None:
        self.responder = BufferedResponder()
        self._envelope = envelope

    def receive(self, settings: Settings, report: EventReport) -> Event | UnknownEvent:
        """See `Transport.receive`."""
        request = http_request(self._envelope)
        slot = authenticate(request.headers, settings.token_header, settings.token_digests)
        report.token_slot_used(slot)
        return parse(json_codec.decode_object(request.text()), report)

    def response(self) -> dict[str, Any]:
        """Return 200 with actions, or 204."""
        return ok_or_no_content(self.responder.body)

    def rejection(self, rejected: RequestRejected) -> dict[str, Any]:
        """Return a 4xx."""
        return error_response(rejected)


def ok_or_no_content(body: str | None) -> dict[str, Any]:
    """Return 200 with actions, or 204 without a body.

    After a 200 without actions the service was seen to stop listening.
    """
    if body is None:
        return {"statusCode": HTTPStatus.NO_CONTENT.value}
    return _response(HTTPStatus.OK, body)


def error_response(rejected: RequestRejected) -> dict[str, Any]:
    """Return the 4xx of a rejection, with a body for a person who tries it by hand."""
    status = STATUS[type(rejected)]
    body = json_codec.encode({"error": status.phrase, "message": str(rejected)})
    return _response(status, body)


def _response(status: HTTPStatus, body: str) -> dict[str, Any]:
    return {
        "statusCode": status.value,
        "headers": {"content-type": "application/json"},
        "body": body,
    }
