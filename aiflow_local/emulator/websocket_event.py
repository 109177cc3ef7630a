"""Converts handshakes, messages and disconnections to events of a WebSocket API."""

import base64
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

from aiflow.protocol.types import JsonObject
from aiflow_local.emulator.http_event import API_ID, log_time
from aiflow_local.stack.intrinsics import ACCOUNT_ID, REGION
from aiflow_local.stack.websocket_api import CONNECT, DISCONNECT

# API Gateway passes these headers to the authorizer, but not to the function of `$connect`.
_HOP_BY_HOP_HEADERS = frozenset({"connection", "upgrade", "content-length"})


@dataclass(frozen=True, kw_only=True)
class Handshake:
    """The handshake of a connection.

    Attributes:
        stage: The stage of the API.
        connection_id: The id of the connection.
        connected_at: The time of the handshake; Unix time in seconds.
        headers: The headers in the received order, with repetitions.
        query: The query string without `?`.
        source_ip: The IP address of the client.
        authorizer_context: The context that the authorizer returned.
    """

    stage: str
    connection_id: str
    connected_at: float
    headers: Sequence[tuple[str, str]] = ()
    query: str = ""
    source_ip: str = "127.0.0.1"
    authorizer_context: Mapping[str, str] = field(default_factory=dict[str, str])

    def header(self, name: str) -> str:
        """Return a header by its case-insensitive name; "" if it is missing."""
        found = (value for key, value in self.headers if key.lower() == name.lower())
        return next(found, "")

    @property
    def parameters(self) -> Mapping[str, Sequence[str]]:
        """The query parameters, with all values of each name."""
        return _listed(parse_qsl(self.query, keep_blank_values=True))

    @property
    def method_arn(self) -> str:
        """The ARN that the policy of an authorizer allows or denies."""
        return f"arn:aws:execute-api:{REGION}:{ACCOUNT_ID}:{API_ID}/{self.stage}/{CONNECT}"


@dataclass(frozen=True, kw_only=True)
class WebSocketRequestContext:
    """The data that the gateway adds to a handshake, message or disconnection.

    Attributes:
        request_id: The unique id of the request.
        message_id: The unique id of a message.
        at: The time of the request; Unix time in seconds.
    """

    request_id: str
    message_id: str = ""
    at: float


def new_id(chance: Callable[[int], bytes] = os.urandom) -> str:
    """Return a random id in the format of API Gateway."""
    return base64.urlsafe_b64encode(chance(11)).decode()


def authorizer_event(handshake: Handshake, request: WebSocketRequestContext) -> JsonObject:
    """Return the event for a REQUEST authorizer."""
    return {
        "type": "REQUEST",
        "methodArn": handshake.method_arn,
        "stageVariables": {},
        **_request(handshake),
        "requestContext": _context(handshake, request, CONNECT, "CONNECT"),
    }


def connect_event(handshake: Handshake, request: WebSocketRequestContext) -> JsonObject:
    """Return the event for the function of `$connect`."""
    return {
        **_request(handshake, without=_HOP_BY_HOP_HEADERS),
        "requestContext": _context(handshake, request, CONNECT, "CONNECT"),
        "isBase64Encoded": False,
    }


def message_event(
    handshake: Handshake, request: WebSocketRequestContext, route_key: str, body: str
) -> JsonObject:
    """Return the event for a message; it has no headers."""
    context = _context(handshake, request, route_key, "MESSAGE")
    return {
        "requestContext": {**context, "messageId": request.message_id},
        "body": body,
        "isBase64Encoded": False,
    }


def disconnect_event(
    handshake: Handshake, request: WebSocketRequestContext, code: int, reason: str
) -> JsonObject:
    """Return the event for the function of `$disconnect`."""
    # API Gateway sends exactly these headers, independent of the handshake.
    host = handshake.header("host")
    headers = {"Host": host, "x-api-key": "", "X-Forwarded-For": "", "x-restapi": ""}
    context = _context(handshake, request, DISCONNECT, "DISCONNECT")
    return {
        "headers": {**headers},
        "multiValueHeaders": {name: [value] for name, value in headers.items()},
        "requestContext": {**context, "disconnectStatusCode": code, "disconnectReason": reason},
        "isBase64Encoded": False,
    }


def _context(
    handshake: Handshake, request: WebSocketRequestContext, route_key: str, event_type: str
) -> JsonObject:
    identity = {"sourceIp": handshake.source_ip}
    if agent := handshake.header("user-agent"):
        identity["userAgent"] = agent
    context: JsonObject = {
        "routeKey": route_key,
        "eventType": event_type,
        "extendedRequestId": request.request_id,
        "requestTime": log_time(request.at),
        "messageDirection": "IN",
        "stage": handshake.stage,
        "connectedAt": int(handshake.connected_at * 1000),
        "requestTimeEpoch": int(request.at * 1000),
        "identity": {**identity},
        "requestId": request.request_id,
        "domainName": handshake.header("host").partition(":")[0] or "localhost",
        "connectionId": handshake.connection_id,
        "apiId": API_ID,
    }
    if handshake.authorizer_context:
        context["authorizer"] = {**handshake.authorizer_context}
    return context


def _request(handshake: Handshake, without: frozenset[str] = frozenset()) -> JsonObject:
    headers = _listed(pair for pair in handshake.headers if pair[0].lower() not in without)
    event: JsonObject = {
        # The last value of a repeated name wins.
        "headers": {name: values[-1] for name, values in headers.items()},
        "multiValueHeaders": {name: [*values] for name, values in headers.items()},
    }
    if query := handshake.parameters:
        event["queryStringParameters"] = {name: values[-1] for name, values in query.items()}
        event["multiValueQueryStringParameters"] = {
            name: [*values] for name, values in query.items()
        }
    return event


def _listed(pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    listed: dict[str, list[str]] = {}
    for name, value in pairs:
        listed.setdefault(name, []).append(value)
    return listed
