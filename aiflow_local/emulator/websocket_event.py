"""What a WebSocket API of API Gateway hands to a function: handshakes, messages, and the end."""

import base64
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

from aiflow.protocol.types import JsonObject
from aiflow_local.emulator.http_event import API_ID, log_time
from aiflow_local.stack.intrinsics import ACCOUNT_ID, REGION
from aiflow_local.stack.websocket_api import CONNECT, DISCONNECT

# API Gateway shows these to the authorizer, but not to the function behind `$connect`.
_OF_THE_HOP = frozenset({"connection", "upgrade", "content-length"})


@dataclass(frozen=True, kw_only=True)
class Opening:
    """How a connection began: what the gateway knows of it to its end.

    Attributes:
        stage: of the API.
        connection_id: made by the gateway.
        connected_at: Unix time in seconds.
        headers: of the handshake, in the order of the wire, repetitions included.
        query: what follows the `?`.
        source_ip: of the other end.
        authorized: what the authorizer said of who connects.
    """

    stage: str
    connection_id: str
    connected_at: float
    headers: Sequence[tuple[str, str]] = ()
    query: str = ""
    source_ip: str = "127.0.0.1"
    authorized: Mapping[str, str] = field(default_factory=dict[str, str])

    def header(self, name: str) -> str:
        """Return a header, whatever its case; "" when it is not there."""
        found = (value for key, value in self.headers if key.lower() == name.lower())
        return next(found, "")

    @property
    def parameters(self) -> Mapping[str, Sequence[str]]:
        """The query, with all values of each name."""
        return _listed(parse_qsl(self.query, keep_blank_values=True))

    @property
    def method_arn(self) -> str:
        """What an authorizer allows or denies."""
        return f"arn:aws:execute-api:{REGION}:{ACCOUNT_ID}:{API_ID}/{self.stage}/{CONNECT}"


@dataclass(frozen=True, kw_only=True)
class Moment:
    """One thing that happens on a connection.

    Attributes:
        request_id: made by the gateway, different for each.
        message_id: likewise, for those that are messages.
        at: Unix time in seconds.
    """

    request_id: str
    message_id: str = ""
    at: float


def new_id(chance: Callable[[int], bytes] = os.urandom) -> str:
    """Return an id in the form of API Gateway."""
    return base64.urlsafe_b64encode(chance(11)).decode()


def authorizer_event(opening: Opening, moment: Moment) -> JsonObject:
    """Return the event that a REQUEST authorizer gets."""
    return {
        "type": "REQUEST",
        "methodArn": opening.method_arn,
        "stageVariables": {},
        **_request(opening),
        "requestContext": _context(opening, moment, CONNECT, "CONNECT"),
    }


def connect_event(opening: Opening, moment: Moment) -> JsonObject:
    """Return the event that the function behind `$connect` gets."""
    return {
        **_request(opening, without=_OF_THE_HOP),
        "requestContext": _context(opening, moment, CONNECT, "CONNECT"),
        "isBase64Encoded": False,
    }


def message_event(opening: Opening, moment: Moment, route_key: str, body: str) -> JsonObject:
    """Return the event that a function gets for a message: no header in it."""
    context = _context(opening, moment, route_key, "MESSAGE")
    return {
        "requestContext": {**context, "messageId": moment.message_id},
        "body": body,
        "isBase64Encoded": False,
    }


def disconnect_event(opening: Opening, moment: Moment, code: int, reason: str) -> JsonObject:
    """Return the event that the function behind `$disconnect` gets."""
    # These headers and no others, whatever the handshake had.
    host = opening.header("host")
    headers = {"Host": host, "x-api-key": "", "X-Forwarded-For": "", "x-restapi": ""}
    context = _context(opening, moment, DISCONNECT, "DISCONNECT")
    return {
        "headers": {**headers},
        "multiValueHeaders": {name: [value] for name, value in headers.items()},
        "requestContext": {**context, "disconnectStatusCode": code, "disconnectReason": reason},
        "isBase64Encoded": False,
    }


def _context(opening: Opening, moment: Moment, route_key: str, event_type: str) -> JsonObject:
    identity = {"sourceIp": opening.source_ip}
    if agent := opening.header("user-agent"):
        identity["userAgent"] = agent
    context: JsonObject = {
        "routeKey": route_key,
        "eventType": event_type,
        "extendedRequestId": moment.request_id,
        "requestTime": log_time(moment.at),
        "messageDirection": "IN",
        "stage": opening.stage,
        "connectedAt": int(opening.connected_at * 1000),
        "requestTimeEpoch": int(moment.at * 1000),
        "identity": {**identity},
        "requestId": moment.request_id,
        "domainName": opening.header("host").partition(":")[0] or "localhost",
        "connectionId": opening.connection_id,
        "apiId": API_ID,
    }
    if opening.authorized:
        context["authorizer"] = {**opening.authorized}
    return context


def _request(opening: Opening, without: frozenset[str] = frozenset()) -> JsonObject:
    headers = _listed(pair for pair in opening.headers if pair[0].lower() not in without)
    event: JsonObject = {
        # Of a name that is there twice the last value counts.
        "headers": {name: values[-1] for name, values in headers.items()},
        "multiValueHeaders": {name: [*values] for name, values in headers.items()},
    }
    if query := opening.parameters:
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
