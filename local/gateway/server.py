"""The port: where the gateway listens."""

import errno
import socket
from collections.abc import Generator
from contextlib import contextmanager
from threading import Thread

import uvicorn
from starlette.types import ASGIApp

from local.errors import AddressError

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


def make_server(app: ASGIApp) -> uvicorn.Server:
    """Return a server that is silent, answers HTTP only and ends within two seconds."""
    config = uvicorn.Config(
        app,
        http="h11",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=_GRACE_SECONDS,
    )
    return uvicorn.Server(config)


@contextmanager
def in_background(app: ASGIApp) -> Generator[str]:
    """Serve on a free port of this machine for as long as the block takes; return the URL."""
    listener = listen("127.0.0.1", 0)
    url, server = address_of(listener), make_server(app)
    thread = Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        yield url
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
