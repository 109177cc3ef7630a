"""API Gateway payloads: the envelope of an event over HTTP or a WebSocket."""

import base64
import binascii
from collections.abc import Mapping
from typing import Any, NamedTuple, TypeIs

from aiflow.errors import BodyTooLarge, InvalidEvent, MethodNotAllowed, UnsupportedBody
from aiflow.transports.authentication import Headers

MAX_BODY_BYTES = 256 * 1024


class Body(NamedTuple):
    """A request body, not parsed.

    Attributes:
        content: text, or base64.
        is_base64: whether the gateway encoded it.
    """

    content: str
    is_base64: bool

    def text(self) -> str:
        """Return the body as text.

        Raises:
            BodyTooLarge: it is larger than 256 KB.
            InvalidEvent: `bad_encoding`, it is not UTF-8 or its base64 is invalid.
        """
        if self._size() > MAX_BODY_BYTES:
            raise BodyTooLarge("too_large", f"An event has at most {MAX_BODY_BYTES // 1024} KB.")
        if not self.is_base64:
            return self.content
        try:
            return base64.b64decode(self.content, validate=True).decode("utf-8")
        except (binascii.Error, ValueError):
            raise InvalidEvent("bad_encoding", "The body is not UTF-8 text.") from None

    def _size(self) -> int:
        """Return the number of bytes as received, without decoding them."""
        if self.is_base64:
            return len(self.content) * 3 // 4 - self.content.count("=", -2)
        return len(self.content.encode("utf-8", "surrogatepass"))


class HttpRequest(NamedTuple):
    """A request of API Gateway, payload 2.0 or 1.0.

    Attributes:
        method: as the gateway reports it.
        headers: by lower-case name, each with all its values.
        body: not parsed.
    """

    method: str
    headers: Headers
    body: Body

    def text(self) -> str:
        """Return the body as text.

        Raises:
            MethodNotAllowed: the method is not POST.
            UnsupportedBody: the content type is not JSON, or the body is compressed.
            BodyTooLarge: see `Body.text`.
            InvalidEvent: see `Body.text`.
        """
        if self.method != "POST":
            raise MethodNotAllowed("method", "Events are sent with POST.")
        self._check_content()
        return self.body.text()

    def _check_content(self) -> None:
        content_type = ",".join(self.headers.get("content-type", ())).split(";")[0].strip().lower()
        is_json = content_type in {"", "application/json"} or (
            content_type.startswith("application/") and content_type.endswith("+json")
        )
        if not is_json:
            raise UnsupportedBody("content_type", "Events are sent as application/json.")
        encoding = ",".join(self.headers.get("content-encoding", ())).strip().lower()
        if encoding not in {"", "identity"}:
            raise UnsupportedBody("encoding", "Events are sent without compression.")


class WebSocketMessage(NamedTuple):
    """A WebSocket message, or the begin or end of a connection.

    Attributes:
        kind: `CONNECT`, `MESSAGE` or `DISCONNECT`.
        connection_id: where answers go.
        body: not parsed; empty unless it is a message.
    """

    kind: str
    connection_id: str
    body: Body


def is_enveloped(envelope: object) -> bool:
    """Tell whether the payload is an envelope of API Gateway."""
    return is_object(envelope) and "requestContext" in envelope


def is_websocket(envelope: object) -> bool:
    """Tell whether the envelope is that of a WebSocket API."""
    context = envelope.get("requestContext") if is_object(envelope) else None
    return is_object(context) and isinstance(context.get("connectionId"), str)


def http_request(envelope: Mapping[str, Any]) -> HttpRequest:
    """Return the HTTP request of an envelope.

    Raises:
        InvalidEvent: `bad_envelope`, the `requestContext` is unknown.
    """
    context = envelope["requestContext"]
    http = context.get("http", context) if is_object(context) else None
    method = http.get("method", http.get("httpMethod")) if is_object(http) else None
    if not isinstance(method, str):
        raise InvalidEvent("bad_envelope", "This is not from an HTTP API or REST API.")
    return HttpRequest(method=method, headers=headers_of(envelope), body=_body(envelope))


def websocket_message(envelope: Mapping[str, Any]) -> WebSocketMessage:
    """Return the message of an envelope for which `is_websocket` holds."""
    context = envelope["requestContext"]
    return WebSocketMessage(str(context.get("eventType")), context["connectionId"], _body(envelope))


def _body(envelope: Mapping[str, Any]) -> Body:
    body = envelope.get("body")
    return Body(body if isinstance(body, str) else "", envelope.get("isBase64Encoded") is True)


def headers_of(envelope: Mapping[str, Any]) -> Headers:
    """Return the headers; payload 1.0 lists repeated ones, 2.0 joins them with commas."""
    single: Mapping[str, str | None] = envelope.get("headers") or {}
    several: Mapping[str, list[str | None]] = envelope.get("multiValueHeaders") or {
        name: [value] for name, value in single.items()
    }
    collected: dict[str, list[str]] = {}
    for name, values in several.items():
        # A gateway never sends null; a hand-made test event may.
        given = [value for value in values or () if value is not None]
        collected.setdefault(name.lower(), []).extend(given)
    return collected


def is_object(value: object) -> TypeIs[Mapping[str, Any]]:
    """Tell whether a JSON value is an object."""
    return isinstance(value, Mapping)
