"""The open WebSocket connections, and sending on them."""

import asyncio
import time
from collections.abc import Callable, Coroutine, Generator
from concurrent.futures import TimeoutError as SendTimeout
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass

from starlette.types import Message, Send

from aiflow.errors import ConnectionGone, ConnectionUnavailable
from aiflow.transports.connection_sender import MAX_MESSAGE_BYTES
from aiflow_local.emulator.websocket_event import Handshake

GOING_AWAY = (1001, "Going away")
"""The close code and reason of API Gateway for an idle or expired connection."""

# A client that does not read blocks the invocation for this long; API Gateway answers 429.
_SEND_TIMEOUT_SECONDS = 5
_CLOSE_TIMEOUT_SECONDS = 1
_GONE = "the connection is closed"


@dataclass
class SendCounter:
    """Counts the messages of one invocation.

    Attributes:
        count: The number of messages sent.
        is_ended: Whether the invocation has ended, so that it can send nothing more.
    """

    count: int = 0
    is_ended: bool = False


_SENT: ContextVar[SendCounter | None] = ContextVar("sent", default=None)


@contextmanager
def count_sent_messages() -> Generator[SendCounter]:
    """Count messages that are sent from this context, including threads that copy it."""
    sent = SendCounter()
    token = _SENT.set(sent)
    try:
        yield sent
    finally:
        _SENT.reset(token)


class Connection:
    """An open WebSocket; its methods must run in the event loop of the server.

    Args:
        handshake: The handshake of the connection.
        channel: The ASGI `send` of the server.

    Attributes:
        handshake: The handshake of the connection.
        loop: The event loop of the server.
        last_active_at: The time of the last message in either direction; Unix time in seconds.
        on_activity: Called for each message in either direction.
        is_closed: Whether the connection is closed.
    """

    def __init__(self, handshake: Handshake, channel: Send) -> None:
        self.handshake = handshake
        self.loop = asyncio.get_running_loop()
        self.last_active_at = time.time()
        self.on_activity: Callable[[], None] = lambda: None
        self._channel = channel
        self.is_closed = False

    def touch(self) -> None:
        """Record that a message was received or sent."""
        self.last_active_at = time.time()
        self.on_activity()

    async def send(self, message: str) -> None:
        """Write a message.

        Raises:
            ConnectionGone: The WebSocket is closed.
        """
        if self.is_closed:
            raise ConnectionGone(_GONE)
        try:
            await self._channel({"type": "websocket.send", "text": message})
        except (OSError, RuntimeError):
            # The network connection is lost, or was closed while this send waited.
            self.is_closed = True
            raise ConnectionGone(_GONE) from None
        self.touch()

    async def close(self, code: int, reason: str) -> None:
        """Close the connection; the server then receives the disconnect message."""
        if not self.is_closed:
            self.is_closed = True
            message: Message = {"type": "websocket.close", "code": code, "reason": reason}
            # The client may have closed it already.
            with suppress(OSError, RuntimeError):
                await self._channel(message)


class OpenConnections:
    """The open connections by id; implements the sender port of the layer for the functions."""

    def __init__(self) -> None:
        self._open: dict[str, Connection] = {}

    @contextmanager
    def open(self, connection: Connection) -> Generator[None]:
        """Register a connection for the duration of the block."""
        connection_id = connection.handshake.connection_id
        self._open[connection_id] = connection
        try:
            yield
        finally:
            connection.is_closed = True
            del self._open[connection_id]

    def find(self, connection_id: str) -> Connection:
        """Return an open connection.

        Raises:
            ConnectionGone: No connection with this id is open.
        """
        connection = self._open.get(connection_id)
        if connection and not connection.is_closed:
            return connection
        raise ConnectionGone(_GONE)

    def send(self, connection_id: str, message: str) -> None:
        """Send a message from the thread of an invocation; see `ConnectionSender.send`."""
        if len(message.encode()) > MAX_MESSAGE_BYTES:
            raise ConnectionUnavailable("the message was not sent: PayloadTooLargeException")
        connection = self.find(connection_id)
        _in_loop(connection.loop, _deliver(connection, message, _SENT.get()))

    async def close_all(self) -> None:
        """Close every connection with the code 1001 (going away)."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_CLOSE_TIMEOUT_SECONDS):
                closing = [connection.close(*GOING_AWAY) for connection in self._open.values()]
                await asyncio.gather(*closing)


async def _deliver(connection: Connection, message: str, sent: SendCounter | None) -> None:
    if sent and sent.is_ended:
        raise ConnectionUnavailable("the message was not sent: its invocation has ended")
    await connection.send(message)
    if sent:
        sent.count += 1


def _in_loop(loop: asyncio.AbstractEventLoop, work: Coroutine[None, None, None]) -> None:
    try:
        future = asyncio.run_coroutine_threadsafe(work, loop)
    except RuntimeError:
        # The server has stopped meanwhile.
        work.close()
        raise ConnectionGone(_GONE) from None
    try:
        future.result(_SEND_TIMEOUT_SECONDS)
    except SendTimeout:
        future.cancel()
        raise ConnectionUnavailable("the message was not sent: the client does not read") from None
