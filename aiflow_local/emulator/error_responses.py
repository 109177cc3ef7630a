"""What the gateway itself says on a WebSocket, and instead of one."""

import json

from starlette.types import Send

from aiflow_local.emulator.invoker import TIMED_OUT
from aiflow_local.emulator.websocket_event import Moment, Opening

UNAUTHORIZED, FORBIDDEN, NOT_FOUND, BAD_GATEWAY = 401, 403, 404, 502

_MESSAGES = {
    UNAUTHORIZED: "Unauthorized",
    FORBIDDEN: "Forbidden",
    NOT_FOUND: "Not Found",
    TIMED_OUT: "Endpoint request timed out",
}


async def refuse(send: Send, status: int, opening: Opening, moment: Moment) -> None:
    """Answer a handshake with a status instead of a connection."""
    body = gateway_message(status, opening, moment).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "websocket.http.response.start", "status": status, "headers": headers})
    await send({"type": "websocket.http.response.body", "body": body})


def gateway_message(status: int, opening: Opening, moment: Moment) -> str:
    """Return what API Gateway says by itself."""
    message = {
        "message": _MESSAGES.get(status, "Internal server error"),
        "connectionId": opening.connection_id,
        "requestId": moment.request_id,
    }
    return json.dumps(message, separators=(",", ":"))
