"""Error responses and messages of the gateway for WebSockets."""

import json

from starlette.types import Send

from aiflow_local.emulator.invoker import TIMED_OUT
from aiflow_local.emulator.websocket_event import Handshake, WebSocketRequestContext

UNAUTHORIZED, FORBIDDEN, NOT_FOUND, BAD_GATEWAY = 401, 403, 404, 502

_MESSAGES = {
    UNAUTHORIZED: "Unauthorized",
    FORBIDDEN: "Forbidden",
    NOT_FOUND: "Not Found",
    TIMED_OUT: "Endpoint request timed out",
}


async def reject_handshake(
    send: Send, status: int, handshake: Handshake, context: WebSocketRequestContext
) -> None:
    """Answer a handshake with an HTTP error status."""
    body = gateway_message(status, handshake, context).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "websocket.http.response.start", "status": status, "headers": headers})
    await send({"type": "websocket.http.response.body", "body": body})


def gateway_message(status: int, handshake: Handshake, context: WebSocketRequestContext) -> str:
    """Return the JSON of an error of API Gateway."""
    message = {
        "message": _MESSAGES.get(status, "Internal server error"),
        "connectionId": handshake.connection_id,
        "requestId": context.request_id,
    }
    return json.dumps(message, separators=(",", ":"))
