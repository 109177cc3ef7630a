"""The WebSocket API: an ASGI application in front of the functions."""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import cast

from starlette.types import Message, Receive, Scope, Send

from aiflow.errors import ConnectionGone
from aiflow.transports.connections import MAX_MESSAGE_BYTES
from aiflow_local.emulator.access_log import ServedMessage
from aiflow_local.emulator.connect_authorization import admit
from aiflow_local.emulator.connections import GOING_AWAY, Connection, OpenConnections
from aiflow_local.emulator.deployment import WebSocketApi
from aiflow_local.emulator.error_responses import FORBIDDEN, NOT_FOUND, gateway_message, refuse
from aiflow_local.emulator.invoker import NOT_INVOKED, OK, Invoked, Invoker
from aiflow_local.emulator.websocket_event import (
    Moment,
    Opening,
    disconnect_event,
    message_event,
    new_id,
)
from aiflow_local.emulator.websocket_routing import route_key
from aiflow_local.stack.websocket_api import CONNECT, DEFAULT, DISCONNECT

_NO_BINARY = (1003, "Binary frames are not supported")
_TOO_LARGE = (1009, "Message too long")
_ABNORMAL = (1006, "Connection closed abnormally")
# What `$disconnect` is told where the other end says no reason.
_REASONS = {1000: "Connection Closed Normally", 1005: "Client-side close frame status not set"}


@dataclass(frozen=True, kw_only=True)
class Limits:
    """When the gateway closes a connection by itself; as on AWS, if nothing else is said.

    A ping is answered below us: it is not seen here, and keeps no connection open.

    Attributes:
        idle_seconds: after nothing was received or sent for so long.
        connection_seconds: after it was open for so long.
    """

    idle_seconds: float = 10 * 60
    connection_seconds: float = 2 * 60 * 60


@dataclass(frozen=True, kw_only=True)
class WebSockets:
    """Lets clients connect, and takes their messages to the functions.

    Attributes:
        deployed: returns the API as it is now; None when there is none.
        connections: those that are open.
        invoke: invokes functions.
        served: told of each connection and message.
        limits: when connections are closed.
    """

    deployed: Callable[[], WebSocketApi | None]
    connections: OpenConnections
    invoke: Invoker
    served: Callable[[ServedMessage], None]
    limits: Limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Take a connection from its handshake to its end; see ASGI."""
        # Cancelled is who is still running when the gateway ends; the other end may be quicker.
        with suppress(asyncio.CancelledError, OSError):
            await receive()
            opening = await self._shake_hands(scope, send)
            if opening:
                await self._live(Connection(opening, send), receive)
            else:
                # To uvicorn it is an error to return before the line is down. What is received
                # first is the end from our side.
                await receive()
                await receive()

    async def _shake_hands(self, scope: Scope, send: Send) -> Opening | None:
        """Let somebody connect, or say why not."""
        api, moment = self.deployed(), _now()
        opening = _opening(scope, api.stage if api else "", moment)
        if api is None:
            await refuse(send, NOT_FOUND, opening, moment)
            return None
        if cast("str", scope["path"]).strip("/") not in {"", api.stage}:
            await refuse(send, FORBIDDEN, opening, moment)
            return None
        admission = await admit(api, self.invoke, opening, moment)
        # Before it is known at the other end: whoever is connected can rely on that it was told.
        self._tell(CONNECT, opening, admission.invoked)
        if admission.invoked.status != OK:
            await refuse(send, admission.invoked.status, opening, moment)
            return None
        await send({"type": "websocket.accept"})
        return replace(opening, authorized=admission.authorized)

    async def _live(self, connection: Connection, receive: Receive) -> None:
        async with asyncio.TaskGroup() as invocations:
            with self.connections.open(connection):
                code, reason = await self._listen(connection, receive, invocations)
            await self._say_goodbye(connection.opening, code, reason)

    async def _listen(
        self, connection: Connection, receive: Receive, invocations: asyncio.TaskGroup
    ) -> tuple[int, str]:
        """Take messages until the end; return the code and the reason that it came with."""
        loop = connection.loop
        last = loop.time() + self.limits.connection_seconds
        try:
            async with asyncio.timeout_at(last) as limit:

                def alive() -> None:
                    if not limit.expired():
                        limit.reschedule(min(last, loop.time() + self.limits.idle_seconds))

                connection.alive = alive
                alive()
                while (message := await receive())["type"] == "websocket.receive":
                    connection.touch()
                    text = await _readable(connection, message)
                    if text is not None:
                        # All at once, each in its own thread: so it is on AWS.
                        invocations.create_task(self._take(connection, text))
        except TimeoutError:
            await connection.close(*GOING_AWAY)
            message = await _last(receive)
        finally:
            connection.alive = lambda: None
        return _end(message)

    async def _take(self, connection: Connection, text: str) -> None:
        """Take a message to its function."""
        moment, opening, api = _now(), connection.opening, self.deployed()
        key = route_key(text, api.selection, api.routes) if api else None
        if api is None or key is None:
            invoked = replace(NOT_INVOKED, status=FORBIDDEN)
        else:
            event = message_event(opening, moment, key, text)
            invoked = await self.invoke(api.routes[key], event)
        if invoked.status != OK:
            with suppress(ConnectionGone):
                await connection.send(gateway_message(invoked.status, opening, moment))
        self._tell(key or DEFAULT, opening, invoked)

    async def _say_goodbye(self, opening: Opening, code: int, reason: str) -> None:
        api, moment = self.deployed(), _now()
        function = api.routes.get(DISCONNECT) if api else None
        invoked = NOT_INVOKED
        if function:
            invoked = await self.invoke(function, disconnect_event(opening, moment, code, reason))
        self._tell(DISCONNECT, opening, invoked)

    def _tell(self, key: str, opening: Opening, invoked: Invoked) -> None:
        self.served(
            ServedMessage(
                route_key=key,
                connection_id=opening.connection_id,
                status=invoked.status,
                sent=invoked.sent,
                ms=invoked.ms,
                report=invoked.report,
            )
        )


async def _readable(connection: Connection, message: Message) -> str | None:
    """Return the text of a message; close the connection where API Gateway would not take it."""
    text: str | None = message.get("text")
    if connection.is_closed:
        return None
    if text is None:
        await connection.close(*_NO_BINARY)
        return None
    if len(text.encode()) > MAX_MESSAGE_BYTES:
        await connection.close(*_TOO_LARGE)
        return None
    return text


def _now() -> Moment:
    return Moment(request_id=new_id(), message_id=new_id(), at=time.time())


def _opening(scope: Scope, stage: str, moment: Moment) -> Opening:
    pairs = cast("list[tuple[bytes, bytes]]", scope["headers"])
    host = scope["client"][0] if scope["client"] else ""
    port = str(scope["server"][1]) if scope["server"] else ""
    added = (("X-Forwarded-For", host), ("X-Forwarded-Port", port), ("X-Forwarded-Proto", "http"))
    return Opening(
        stage=stage,
        connection_id=new_id(),
        connected_at=moment.at,
        headers=(*((k.decode("latin-1"), v.decode("latin-1")) for k, v in pairs), *added),
        query=cast("bytes", scope["query_string"]).decode("latin-1"),
        source_ip=host,
    )


async def _last(receive: Receive) -> Message:
    """Return the end; what was under way to us before it comes too late."""
    while (message := await receive())["type"] != "websocket.disconnect":
        pass
    return message


def _end(message: Message) -> tuple[int, str]:
    # Without a closing handshake the server knows no reason, not even an empty one.
    if "reason" not in message:
        return _ABNORMAL
    code: int = message["code"]
    return code, message["reason"] or _REASONS.get(code, "")
