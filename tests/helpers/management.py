"""A local `@connections` endpoint of a WebSocket API, to which functions post messages."""

from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import cast


class Management(BaseHTTPRequestHandler):
    """Responds with the prepared statuses of its server, and records requests."""

    def do_POST(self) -> None:
        """Record a message."""
        server = cast("ManagementServer", self.server)
        body = self.rfile.read(int(self.headers["content-length"]))
        server.posted.append((self.path, body))
        self.send_response(server.statuses.pop(0) if server.statuses else 200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:  # pyright: ignore[reportIncompatibleMethodOverride] - unused
        """Suppress the log."""


class ManagementServer(HTTPServer):
    """A server with the `@connections` endpoint of an API."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Management)
        self.statuses: list[int] = []
        self.posted: list[tuple[str, bytes]] = []

    @property
    def endpoint(self) -> str:
        """Its URL, including the stage."""
        return f"http://127.0.0.1:{self.server_port}/live"


@contextmanager
def serve_management() -> Generator[ManagementServer]:
    """Serve the endpoint on a free port until the block ends."""
    with ManagementServer() as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()
