"""The `@connections` API, through which functions access WebSocket connections over HTTP."""

import re
from datetime import UTC, datetime

from starlette.responses import JSONResponse, Response

from aiflow.errors import ConnectionGone
from aiflow.transports.connection_sender import MAX_MESSAGE_BYTES
from aiflow_local.emulator.connections import Connection, OpenConnections

_NORMAL = (1000, "Connection Closed Normally")
# AWS clients choose the exception to raise by this header.
_ERROR_TYPE = "x-amzn-errortype"


class ManagementApi:
    """The management endpoint of the WebSocket API; it does not check signatures.

    Args:
        connections: The open connections.
    """

    def __init__(self, connections: OpenConnections) -> None:
        self._connections = connections

    async def handle(self, method: str, connection_id: str, body: bytes | None) -> Response:
        """Send a message to a connection, return its status, or close it.

        Args:
            method: `POST`, `GET` or `DELETE`.
            connection_id: The id of the connection.
            body: The message to send; None if the request was too large.
        """
        if method == "POST" and (body is None or len(body) > MAX_MESSAGE_BYTES):
            return _error(413, "PayloadTooLargeException", "Message too long")
        try:
            connection = self._connections.find(connection_id)
            match method:
                case "POST":
                    # API Gateway sends every message as text.
                    await connection.send((body or b"").decode(errors="replace"))
                    return Response(status_code=200)
                case "GET":
                    return JSONResponse(_status(connection))
                case "DELETE":
                    await connection.close(*_NORMAL)
                    return Response(status_code=204)
                case _:
                    return _error(403, "ForbiddenException", "Forbidden")
        except ConnectionGone:
            return _error(410, "GoneException", "Gone")


def connection_id_in(path: str, stage: str) -> str | None:
    """Return the connection id in a path, with or without a stage; None for other paths."""
    found = re.fullmatch(rf"(?:/{re.escape(stage)})?/@connections/([^/]+)", path)
    return found[1] if found else None


def _status(connection: Connection) -> dict[str, object]:
    handshake = connection.handshake
    return {
        "connectedAt": _iso(handshake.connected_at),
        "lastActiveAt": _iso(connection.last_active_at),
        "identity": {"sourceIp": handshake.source_ip, "userAgent": handshake.header("user-agent")},
    }


def _iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")


def _error(status: int, kind: str, message: str) -> Response:
    return JSONResponse({"message": message}, status, headers={_ERROR_TYPE: kind})
