"""Converts HTTP requests to events of an HTTP API, payload format 2.0."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import parse_qsl

from aiflow.protocol.types import JsonObject
from aiflow_local.stack.intrinsics import ACCOUNT_ID

API_ID = "local"

# Observed on AWS: all other bodies are base64, including those without a content type.
_TEXT_TYPES = frozenset({"application/json", "application/javascript", "application/xml"})


@dataclass(frozen=True, kw_only=True)
class HttpRequest:
    """A received HTTP request.

    Attributes:
        method: The HTTP method in upper case.
        path: The percent-encoded path without the query.
        query: The query string without `?`.
        headers: The headers in the received order, with repetitions.
        body: The complete body.
        source_ip: The IP address of the client.
    """

    method: str
    path: str
    query: str = ""
    headers: Sequence[tuple[str, str]] = ()
    body: bytes = b""
    source_ip: str = "127.0.0.1"


@dataclass(frozen=True, kw_only=True)
class HttpRequestContext:
    """The data that the gateway adds to a request.

    Attributes:
        route_key: The key of the route, for example `POST /webhook`.
        path_parameters: The values of the `{variables}` of the route.
        request_id: The id of the request.
        at: The time of the request; Unix time in seconds.
    """

    route_key: str
    request_id: str
    at: float
    path_parameters: Mapping[str, str]


def http_event(request: HttpRequest, context: HttpRequestContext) -> JsonObject:
    """Return the event for a request."""
    headers = _joined(request.headers)
    cookies = headers.pop("cookie", None)
    query = _joined(parse_qsl(request.query, keep_blank_values=True), lower=False)
    event: JsonObject = {
        "version": "2.0",
        "routeKey": context.route_key,
        "rawPath": request.path,
        "rawQueryString": request.query,
        "headers": {**headers},
        "requestContext": _context(request, headers, context),
        "isBase64Encoded": False,
    }
    if cookies:
        event["cookies"] = [cookie.strip() for cookie in cookies.replace(",", ";").split(";")]
    if query:
        event["queryStringParameters"] = {**query}
    if context.path_parameters:
        event["pathParameters"] = {**context.path_parameters}
    return event | _body(request.body, headers.get("content-type", ""))


def log_time(at: float) -> str:
    """Format Unix time like API Gateway."""
    return datetime.fromtimestamp(at, UTC).strftime("%d/%b/%Y:%H:%M:%S +0000")


def _context(
    request: HttpRequest, headers: Mapping[str, str], context: HttpRequestContext
) -> JsonObject:
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
        "requestId": context.request_id,
        "routeKey": context.route_key,
        "stage": "$default",
        "time": log_time(context.at),
        "timeEpoch": int(context.at * 1000),
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
        # A JSON string cannot hold invalid UTF-8, so it is replaced.
        return {"body": body.decode(errors="replace"), "isBase64Encoded": False}
    return {"body": base64.b64encode(body).decode(), "isBase64Encoded": True}
