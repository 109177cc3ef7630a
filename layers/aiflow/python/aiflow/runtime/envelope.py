"""Envelopes: what stands around an event, depending on the door it came through.

Which door it was is told by the gateway's own `requestContext` and never by the body. An event
without any is a direct invocation (`sam local invoke`, the Lambda console), which IAM has
authorised.
"""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeIs

from aiflow.errors import BodyTooLarge, InvalidEvent, MethodNotAllowed, UnsupportedBody
from aiflow.runtime.auth import Headers

MAX_BODY_BYTES = 256 * 1024


@dataclass(frozen=True)
class HttpRequest:
    """A request of API Gateway, payload 2.0 or 1.0; nothing of it is parsed.

    Attributes:
        method: as the gateway reports it.
        headers: by lower-case name, each with all its values.
        body: as it came, perhaps base64.
        is_base64: whether the gateway encoded the body.
    """

    method: str
    headers: Headers
    body: str
    is_base64: bool

    def text(self) -> str:
        """Return the body as text.

        Raises:
            MethodNotAllowed: it is no POST.
            UnsupportedBody: it is not JSON by its content type, or compressed.
            BodyTooLarge: it has more than 256 KB.
            InvalidEvent: `bad_encoding`, it is not UTF-8 or its base64 is broken.
        """
        if self.method != "POST":
            raise MethodNotAllowed("method", "Events are sent with POST.")
        self._check_content()
        if self._size() > MAX_BODY_BYTES:
            raise BodyTooLarge("too_large", f"An event has at most {MAX_BODY_BYTES // 1024} KB.")
        if not self.is_base64:
            return self.body
        try:
            return base64.b64decode(self.body, validate=True).decode("utf-8")
        except (binascii.Error, ValueError):
            raise InvalidEvent("bad_encoding", "The body is not UTF-8 text.") from None

    def _size(self) -> int:
        """Return the bytes of the body on the wire, without decoding it."""
        if self.is_base64:
            return len(self.body) * 3 // 4 - self.body.count("=", -2)
        return len(self.body.encode("utf-8", "surrogatepass"))

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


def is_http(envelope: object) -> bool:
    """Tell whether an API Gateway stands around the event."""
    return _is_object(envelope) and "requestContext" in envelope


def http_request(envelope: object) -> HttpRequest | None:
    """Return the request in an envelope of API Gateway; None for an event without envelope.

    Raises:
        InvalidEvent: `not_object`, or `bad_envelope`: its `requestContext` is of no gateway that
            we know.
    """
    if not _is_object(envelope):
        raise InvalidEvent("not_object", "An event is a JSON object.")
    if not is_http(envelope):
        return None
    context = envelope["requestContext"]
    http = context.get("http", context) if _is_object(context) else None
    method = http.get("method", http.get("httpMethod")) if _is_object(http) else None
    if not isinstance(method, str):
        raise InvalidEvent("bad_envelope", "This is not from an HTTP API or REST API.")
    body = envelope.get("body")
    return HttpRequest(
        method=method,
        headers=headers_of(envelope),
        body=body if isinstance(body, str) else "",
        is_base64=envelope.get("isBase64Encoded") is True,
    )


def headers_of(envelope: Mapping[str, Any]) -> Headers:
    """Collect the headers: payload 1.0 lists repeated ones apart, 2.0 joins them with commas."""
    single: Mapping[str, str] = envelope.get("headers") or {}
    several: Mapping[str, list[str]] = envelope.get("multiValueHeaders") or {
        name: [value] for name, value in single.items()
    }
    collected: dict[str, list[str]] = {}
    for name, values in several.items():
        collected.setdefault(name.lower(), []).extend(values)
    return collected


def _is_object(value: object) -> TypeIs[Mapping[str, Any]]:
    return isinstance(value, Mapping)
