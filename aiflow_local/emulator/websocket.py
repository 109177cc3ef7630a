"""Emulates the WebSocket API as an ASGI application that invokes the functions."""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import cast

from starlette.types import Message, Receive, Scope, Send

from aiflow.errors import ConnectionGone
from aiflow.transports.connection_sender import MAX_MESSAGE_BYTES
from aiflow_local.emulator.access_log import MessageLogEntry
from aiflow_local.emulator.connect_authorization import authorize_connect
from aiflow_local.emulator.connections import GOING_AWAY, Connection, OpenConnections
from aiflow_local.emulator.deployment import WebSocketApi
from aiflow_local.emulator.error_responses import (
    FORBIDDEN,
    NOT_FOUND,
    gateway_message,
    reject_handshake,
)
from aiflow_local.emulator.invoker import NOT_INVOKED, OK, InvocationResult, Invoker
from aiflow_local.emulator.websocket_event import (
    Handshake,
    WebSocketRequestContext,
    disconnect_event,
    message_event,
    new_id,
)
from aiflow_local.emulator.websocket_routing import select_route_key
from aiflow_local.stack.websocket_api import CONNECT, DEFAULT, DISCONNECT

_NO_BINARY = (1003, "Binary frames are not supported")
_TOO_LARGE = (1009, "Message too long")
_ABNORMAL = (1006, "Connection closed abnormally")
# The reasons that API Gateway passes to `$disconnect` if the client sends none.
_DEFAULT_REASONS = {
    1000: "Connection Closed Normally",
    1005: "Client-side close frame status not set",
}


@dataclass(frozen=True, kw_only=True)
class ConnectionLimits:
    """The limits after which the gateway closes a connection; the defaults are those of AWS.

    The server answers pings itself, so they do not count as activity.

    Attributes:
        idle_seconds: The maximum time without a message in either direction.
        connection_seconds: The maximum duration of a connection.
    """

    idle_seconds: float = 10 * 60
    connection_seconds: float = 2 * 60 * 60


@dataclass(frozen=True, kw_only=True)
class WebSocketApp:
    """Accepts WebSocket connections, and invokes the functions for their messages.

    Attributes:
        deployed: Returns the currently deployed API; None if there is none.
        connections: The open connections.
        invoke: Invokes functions.
        log_access: Called for each connection, message and disconnection.
        limits: The limits of connections.
    """

    deployed: Callable[[], WebSocketApi | None]
    connections: OpenConnections
    invoke: Invoker
    log_access: Callable[[MessageLogEntry], None]
    limits: ConnectionLimits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run a connection from its handshake to its end; see ASGI."""
        # Tasks are cancelled when the gateway stops; the client may close the connection first.
        with suppress(asyncio.CancelledError, OSError):
            await receive()
            handshake = await self._accept(scope, send)
            if handshake:
                await self._run_connection(Connection(handshake, send), receive)
            else:
                # For uvicorn it is an error to return before the network connection is closed. The
                # first message received here is the disconnect from this side.
                await receive()
                await receive()

    async def _accept(self, scope: Scope, send: Send) -> Handshake | None:
        """Accept a handshake and return it, or answer it with an error and return None."""
        api, context = self.deployed(), _new_context()
        handshake = _handshake(scope, api.stage if api else "", context)
        if api is None:
            await reject_handshake(send, NOT_FOUND, handshake, context)
            return None
        if cast("str", scope["path"]).strip("/") not in {"", api.stage}:
            await reject_handshake(send, FORBIDDEN, handshake, context)
            return None
        result = await authorize_connect(api, self.invoke, handshake, context)
        # Log before accepting: a connected client can rely on the log entry.
        self._log(CONNECT, handshake, result.invoked)
        if result.invoked.status != OK:
            await reject_handshake(send, result.invoked.status, handshake, context)
            return None
        await send({"type": "websocket.accept"})
        return replace(handshake, authorizer_context=result.authorizer_context)

    async def _run_connection(self, connection: Connection, receive: Receive) -> None:
        async with asyncio.TaskGroup() as invocations:
            with self.connections.open(connection):
                code, reason = await self._receive_messages(connection, receive, invocations)
            await self._invoke_disconnect(connection.handshake, code, reason)

    async def _receive_messages(
        self, connection: Connection, receive: Receive, invocations: asyncio.TaskGroup
    ) -> tuple[int, str]:
        """Receive messages until the connection ends; return its close code and reason."""
        loop = connection.loop
        last = loop.time() + self.limits.connection_seconds
        try:
            async with asyncio.timeout_at(last) as limit:

                def reset_idle_timeout() -> None:
                    if not limit.expired():
                        limit.reschedule(min(last, loop.time() + self.limits.idle_seconds))

                connection.on_activity = reset_idle_timeout
                reset_idle_timeout()
                while (message := await receive())["type"] == "websocket.receive":
                    connection.touch()
                    text = await _validated_text(connection, message)
                    if text is not None:
                        # Messages run concurrently, each in a thread of its own, as on AWS.
                        invocations.create_task(self._handle_message(connection, text))
        except TimeoutError:
            await connection.close(*GOING_AWAY)
            message = await _disconnect_message(receive)
        finally:
            connection.on_activity = lambda: None
        return _close_code_and_reason(message)

    async def _handle_message(self, connection: Connection, text: str) -> None:
        """Invoke the function of a message; send an error of the gateway if that fails."""
        context, handshake, api = _new_context(), connection.handshake, self.deployed()
        key = select_route_key(text, api.selection, api.routes) if api else None
        if api is None or key is None:
            invoked = replace(NOT_INVOKED, status=FORBIDDEN)
        else:
            event = message_event(handshake, context, key, text)
            invoked = await self.invoke(api.routes[key], event)
        if invoked.status != OK:
            with suppress(ConnectionGone):
                await connection.send(gateway_message(invoked.status, handshake, context))
        self._log(key or DEFAULT, handshake, invoked)

    async def _invoke_disconnect(self, handshake: Handshake, code: int, reason: str) -> None:
        api, context = self.deployed(), _new_context()
        function = api.routes.get(DISCONNECT) if api else None
        invoked = NOT_INVOKED
        if function:
            invoked = await self.invoke(
                function, disconnect_event(handshake, context, code, reason)
            )
        self._log(DISCONNECT, handshake, invoked)

    def _log(self, key: str, handshake: Handshake, invoked: InvocationResult) -> None:
        self.log_access(
            MessageLogEntry(
                route_key=key,
                connection_id=handshake.connection_id,
                status=invoked.status,
                sent=invoked.sent,
                ms=invoked.ms,
                report=invoked.report,
            )
        )


async def _validated_text(connection: Connection, message: Message) -> str | None:
    """Return the text of a message; close the connection if API Gateway does not allow it."""
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


def _new_context() -> WebSocketRequestContext:
    return WebSocketRequestContext(request_id=new_id(), message_id=new_id(), at=time.time())


def _handshake(scope: Scope, stage: str, context: WebSocketRequestContext) -> Handshake:
    pairs = cast("list[tuple[bytes, bytes]]", scope["headers"])
    host = scope["client"][0] if scope["client"] else ""
    port = str(scope["server"][1]) if scope["server"] else ""
    added = (("X-Forwarded-For", host), ("X-Forwarded-Port", port), ("X-Forwarded-Proto", "http"))
    return Handshake(
        stage=stage,
        connection_id=new_id(),
        connected_at=context.at,
        headers=(*((k.decode("latin-1"), v.decode("latin-1")) for k, v in pairs), *added),
        query=cast("bytes", scope["query_string"]).decode("latin-1"),
        source_ip=host,
    )


async def _disconnect_message(receive: Receive) -> Message:
    """Return the disconnect message; discard messages that were received before it."""
    while (message := await receive())["type"] != "websocket.disconnect":
        pass
    return message


def _close_code_and_reason(message: Message) -> tuple[int, str]:
    # Without a closing handshake, the message has no reason at all.
    if "reason" not in message:
        return _ABNORMAL
    code: int = message["code"]
    return code, message["reason"] or _DEFAULT_REASONS.get(code, "")
