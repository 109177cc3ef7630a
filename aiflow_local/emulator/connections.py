"""The WebSockets that are open, and the ways to send on them."""

import asyncio
import time
from collections.abc import Callable, Coroutine, Generator
from concurrent.futures import TimeoutError as NotInTime
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass

from starlette.types import Message, Send

from aiflow.errors import ConnectionGone, ConnectionUnavailable
from aiflow.transports.connections import MAX_MESSAGE_BYTES
from aiflow_local.emulator.websocket_event import Opening

GOING_AWAY = (1001, "Going away")
"""How API Gateway ends a connection that was idle, or open, for too long."""

# Whoever does not read for so long holds up an invocation; API Gateway would say 429.
_PATIENCE_SECONDS = 5
_GOODBYE_SECONDS = 1


@dataclass
class Sent:
    """What one invocation sends.

    Attributes:
        count: so many messages.
        over: Lambda has ended the invocation: nothing of it goes out any more.
    """

    count: int = 0
    over: bool = False


_SENT: ContextVar[Sent | None] = ContextVar("sent", default=None)


@contextmanager
def counting() -> Generator[Sent]:
    """Count what is sent from this context, and from the threads that carry it on."""
    sent = Sent()
    token = _SENT.set(sent)
    try:
        yield sent
    finally:
        _SENT.reset(token)


class Connection:
    """An open WebSocket; all of it happens in the event loop of its server.

    Args:
        opening: how it began.
        channel: where the server takes what is to be sent.

    Attributes:
        opening: how it began.
        loop: its event loop.
        last_active_at: when something was received or sent last; Unix time in seconds.
        alive: called whenever that happens.
        is_closed: whether nothing can be sent any more.
    """

    def __init__(self, opening: Opening, channel: Send) -> None:
        self.opening = opening
        self.loop = asyncio.get_running_loop()
        self.last_active_at = time.time()
        self.alive: Callable[[], None] = lambda: None
        self._channel = channel
        self.is_closed = False

    def touch(self) -> None:
        """Note that something was received or sent."""
        self.last_active_at = time.time()
        self.alive()

    async def send(self, message: str) -> None:
        """Write a message.

        Raises:
            ConnectionGone: the WebSocket is closed.
        """
        if self.is_closed:
            raise ConnectionGone("nobody is connected any more")
        try:
            await self._channel({"type": "websocket.send", "text": message})
        except (OSError, RuntimeError):
            # The line is down, or somebody closed it while we waited for our turn.
            self.is_closed = True
            raise ConnectionGone("nobody is connected any more") from None
        self.touch()

    async def close(self, code: int, reason: str) -> None:
        """Close it from this side; the server then receives the end."""
        if not self.is_closed:
            self.is_closed = True
            message: Message = {"type": "websocket.close", "code": code, "reason": reason}
            # The other end may be quicker.
            with suppress(OSError, RuntimeError):
                await self._channel(message)


class OpenConnections:
    """The connections of a gateway by their ids; for the functions, the port `Connections`."""

    def __init__(self) -> None:
        self._open: dict[str, Connection] = {}

    @contextmanager
    def open(self, connection: Connection) -> Generator[None]:
        """Let a connection be found for as long as the block takes."""
        connection_id = connection.opening.connection_id
        self._open[connection_id] = connection
        try:
            yield
        finally:
            connection.is_closed = True
            del self._open[connection_id]

    def find(self, connection_id: str) -> Connection:
        """Return an open connection.

        Raises:
            ConnectionGone: there is none by this id any more.
        """
        connection = self._open.get(connection_id)
        if connection and not connection.is_closed:
            return connection
        raise ConnectionGone("nobody is connected any more")

    def send(self, connection_id: str, message: str) -> None:
        """Send a message, from the thread of an invocation; see `Connections.send`."""
        if len(message.encode()) > MAX_MESSAGE_BYTES:
            raise ConnectionUnavailable("the message did not go out: PayloadTooLargeException")
        connection = self.find(connection_id)
        _in_loop(connection.loop, _deliver(connection, message, _SENT.get()))

    async def close_all(self) -> None:
        """Close every connection, as a server that goes away."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_GOODBYE_SECONDS):
                closing = [connection.close(*GOING_AWAY) for connection in self._open.values()]
                await asyncio.gather(*closing)


async def _deliver(connection: Connection, message: str, sent: Sent | None) -> None:
    if sent and sent.over:
        raise ConnectionUnavailable("the message did not go out: its invocation is over")
    await connection.send(message)
    if sent:
        sent.count += 1


def _in_loop(loop: asyncio.AbstractEventLoop, work: Coroutine[None, None, None]) -> None:
    try:
        future = asyncio.run_coroutine_threadsafe(work, loop)
    except RuntimeError:
        # The server has ended meanwhile.
        work.close()
        raise ConnectionGone("nobody is connected any more") from None
    try:
        future.result(_PATIENCE_SECONDS)
    except NotInTime:
        future.cancel()
        raise ConnectionUnavailable("the message did not go out: nobody reads it") from None
