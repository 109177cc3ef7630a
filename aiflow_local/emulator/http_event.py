"""Requests as an HTTP API of API Gateway hands them to a function: payload format 2.0."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import parse_qsl

from aiflow.protocol.types import JsonObject
from aiflow_local.stack.intrinsics import ACCOUNT_ID

API_ID = "local"

# As observed on the real one: all other bodies are base64, also those without a content type.
_TEXT_TYPES = frozenset({"application/json", "application/javascript", "application/xml"})


@dataclass(frozen=True, kw_only=True)
class HttpRequest:
    """A request as it came over the wire.

    Attributes:
        method: in capitals.
        path: still percent-encoded, without the query.
        query: what follows the `?`.
        headers: in the order of the wire, repetitions included.
        body: all of it.
        source_ip: of the other end.
    """

    method: str
    path: str
    query: str = ""
    headers: Sequence[tuple[str, str]] = ()
    body: bytes = b""
    source_ip: str = "127.0.0.1"


@dataclass(frozen=True, kw_only=True)
class Arrival:
    """What the gateway adds to a request.

    Attributes:
        route_key: of the route that it takes, like `POST /webhook`.
        path_parameters: what the `{names}` of the route stand for.
        request_id: made by the gateway.
        at: Unix time in seconds.
    """

    route_key: str
    request_id: str
    at: float
    path_parameters: Mapping[str, str]


def http_event(request: HttpRequest, arrival: Arrival) -> JsonObject:
    """Return the event that a function gets for a request."""
    headers = _joined(request.headers)
    cookies = headers.pop("cookie", None)
    query = _joined(parse_qsl(request.query, keep_blank_values=True), lower=False)
    event: JsonObject = {
        "version": "2.0",
        "routeKey": arrival.route_key,
        "rawPath": request.path,
        "rawQueryString": request.query,
        "headers": {**headers},
        "requestContext": _context(request, headers, arrival),
        "isBase64Encoded": False,
    }
    if cookies:
        event["cookies"] = [cookie.strip() for cookie in cookies.replace(",", ";").split(";")]
    if query:
        event["queryStringParameters"] = {**query}
    if arrival.path_parameters:
        event["pathParameters"] = {**arrival.path_parameters}
    return event | _body(request.body, headers.get("content-type", ""))


def log_time(at: float) -> str:
    """Return a Unix time as API Gateway writes it."""
    return datetime.fromtimestamp(at, UTC).strftime("%d/%b/%Y:%H:%M:%S +0000")


def _context(request: HttpRequest, headers: Mapping[str, str], arrival: Arrival) -> JsonObject:
    domain = headers.get("host", "localhost").partition(":")[0]
    return {
        "accountId": ACCOUNT_ID,
        "apiId": API_ID,
        "domainName": domain,
        "domainPrefix": domain.partition(".")[0],
        "http": {
            "method": request.method,
            "path": request.path,
            "protocol": "HTTP/1.1",
            "sourceIp": request.source_ip,
            "userAgent": headers.get("user-agent", ""),
        },
        "requestId": arrival.request_id,
        "routeKey": arrival.route_key,
        "stage": "$default",
        "time": log_time(arrival.at),
        "timeEpoch": int(arrival.at * 1000),
    }


def _joined(pairs: Sequence[tuple[str, str]], *, lower: bool = True) -> dict[str, str]:
    joined: dict[str, str] = {}
    for name, value in pairs:
        key = name.lower() if lower else name
        joined[key] = f"{joined[key]},{value}" if key in joined else value
    return joined


def _body(body: bytes, content_type: str) -> JsonObject:
    if not body:
        return {}
    media_type = content_type.partition(";")[0].strip().lower()
    if media_type.startswith("text/") or media_type in _TEXT_TYPES:
        # JSON has no other place for bytes that are no text.
        return {"body": body.decode(errors="replace"), "isBase64Encoded": False}
    return {"body": base64.b64encode(body).decode(), "isBase64Encoded": True}
