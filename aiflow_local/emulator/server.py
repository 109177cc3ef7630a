"""The HTTP and WebSocket server of the gateway."""

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
"""The size limit of a WebSocket frame, as in API Gateway."""

_BACKLOG = 1024
_GRACE_SECONDS = 2


def listen(host: str, port: int) -> socket.socket:
    """Open a listening socket; port 0 selects a free port.

    Raises:
        AddressError: The port is in use or not allowed, or the host is invalid.
    """
    try:
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        return socket.create_server(address[:2], family=family, backlog=_BACKLOG)
    except OSError as error:
        raise AddressError(_remedy(error, host, port)) from None


def base_url(listener: socket.socket) -> str:
    """Return the URL of a listening socket, without a path."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class App(Protocol):
    """An ASGI application with connections that it closes itself."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request or a connection; see ASGI."""
        ...

    async def close_connections(self) -> None:
        """Close all open connections."""
        ...


class Server(uvicorn.Server):
    """A uvicorn server that has its application close all connections at shutdown.

    Args:
        config: The configuration of uvicorn.
        app: The application to serve.
    """

    def __init__(self, config: uvicorn.Config, app: App) -> None:
        super().__init__(config)
        self._app = app

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Close all connections, then shut down; see uvicorn."""
        await self._app.close_connections()
        await super().shutdown(sockets)


def make_server(app: App) -> Server:
    """Return a server for HTTP and WebSocket that logs nothing and stops within two seconds."""
    config = uvicorn.Config(
        app,
        http="h11",
        # The successor of uvicorn's other implementation with the package `websockets`.
        ws="websockets-sansio",
        # A larger frame is rejected before it is read, with close code 1009. The gateway checks the
        # size of a whole message, since uvicorn does not wait for the closing handshake.
        ws_max_size=cast("int", (None, MAX_FRAME_BYTES)),
        # API Gateway neither sends pings nor compresses.
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
def serve_in_background(app: App, listener: socket.socket) -> Generator[None]:
    """Serve a socket in a thread for the duration of the block."""
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
            return f"port {port} is in use: stop the other process, or choose a port: {other}"
        case errno.EACCES:
            return f"port {port} is not allowed: choose one above 1023, like --port 3000"
        case _:
            return f"{host} is not an address of this machine: try --host 127.0.0.1"
