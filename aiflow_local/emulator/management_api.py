"""`@connections`: what functions reach a connection by, over HTTP."""

import re
from datetime import UTC, datetime

from starlette.responses import JSONResponse, Response

from aiflow.errors import ConnectionGone
from aiflow.transports.connections import MAX_MESSAGE_BYTES
from aiflow_local.emulator.connections import Connection, OpenConnections

_NORMAL = (1000, "Connection Closed Normally")
# By this header an AWS client knows which of its exceptions to raise.
_ERROR_TYPE = "x-amzn-errortype"


class Management:
    """The management endpoint of the WebSocket API. It asks for no signature.

    Args:
        connections: those that are open.
    """

    def __init__(self, connections: OpenConnections) -> None:
        self._connections = connections

    async def answer(self, method: str, connection_id: str, body: bytes | None) -> Response:
        """Send to a connection, look at it, or close it.

        Args:
            method: `POST`, `GET` or `DELETE`.
            connection_id: made by the gateway.
            body: what is to be sent; None when it is larger than any request may be.
        """
        if method == "POST" and (body is None or len(body) > MAX_MESSAGE_BYTES):
            return _error(413, "PayloadTooLargeException", "Message too long")
        try:
            connection = self._connections.find(connection_id)
            match method:
                case "POST":
                    # It goes out as text, whatever it is.
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


def connection_of(path: str, stage: str) -> str | None:
    """Return the connection that a path names, with its stage or without; None for other paths."""
    found = re.fullmatch(rf"(?:/{re.escape(stage)})?/@connections/([^/]+)", path)
    return found[1] if found else None


def _status(connection: Connection) -> dict[str, object]:
    opening = connection.opening
    return {
        "connectedAt": _iso(opening.connected_at),
        "lastActiveAt": _iso(connection.last_active_at),
        "identity": {"sourceIp": opening.source_ip, "userAgent": opening.header("user-agent")},
    }


def _iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")


def _error(status: int, kind: str, message: str) -> Response:
    return JSONResponse({"message": message}, status, headers={_ERROR_TYPE: kind})
