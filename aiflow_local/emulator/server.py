"""The port: where the gateway listens."""

import errno
import socket
from collections.abc import Generator
from contextlib import contextmanager
from threading import Thread
from typing import Protocol, cast

import uvicorn
from starlette.types import Receive, Scope, Send

from aiflow_local.errors import AddressError

MAX_FRAME_BYTES = 32 * 1024
"""What API Gateway takes in one frame of a WebSocket."""

_BACKLOG = 1024
_GRACE_SECONDS = 2


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that connections queue up at; port 0 finds a free one.

    Raises:
        AddressError: it is taken or not allowed; the message says what to do.
    """
    try:
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        return socket.create_server(address[:2], family=family, backlog=_BACKLOG)
    except OSError as error:
        raise AddressError(_remedy(error, host, port)) from None


def address_of(listener: socket.socket) -> str:
    """Return the URL of what listens there, without a path."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class App(Protocol):
    """An ASGI application that may have connections open."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer; see ASGI."""
        ...

    async def say_goodbye(self) -> None:
        """Close what is open, while it still can be."""
        ...


class Server(uvicorn.Server):
    """A server that lets its application say goodbye before it ends.

    Args:
        config: of uvicorn.
        app: what it serves.
    """

    def __init__(self, config: uvicorn.Config, app: App) -> None:
        super().__init__(config)
        self._app = app

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End; see uvicorn."""
        await self._app.say_goodbye()
        await super().shutdown(sockets)


def make_server(app: App) -> Server:
    """Return a server that is silent, speaks HTTP and WebSocket, and ends within two seconds."""
    config = uvicorn.Config(
        app,
        http="h11",
        # Of uvicorn's two that are built on the package `websockets`, the one that will stay.
        ws="websockets-sansio",
        # A frame that is larger is refused before it has been read: close code 1009. The size of a
        # whole message is for the gateway to see, since uvicorn does not wait for the other end.
        ws_max_size=cast("int", (None, MAX_FRAME_BYTES)),
        # API Gateway neither asks whether somebody is still there, nor compresses.
        ws_ping_interval=None,
        ws_per_message_deflate=False,
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=_GRACE_SECONDS,
    )
    return Server(config, app)


@contextmanager
def in_background(app: App, listener: socket.socket) -> Generator[None]:
    """Serve what comes to a socket for as long as the block takes."""
    server = make_server(app)
    thread = Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.should_exit = True
        thread.join()


def _remedy(error: OSError, host: str, port: int) -> str:
    match error.errno:
        case errno.EADDRINUSE:
            other = f"aiflow serve --port {port + 1}"
            return f"Port {port} is taken: stop what has it, or choose another one: {other}"
        case errno.EACCES:
            return f"Port {port} is not allowed: choose one from 1024 on, like --port 3000"
        case _:
            return f"{host} is not an address of this machine: try --host 127.0.0.1"
