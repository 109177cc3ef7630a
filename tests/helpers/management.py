"""The `@connections` of a WebSocket API, on a real socket: what functions post their answers to."""

from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import cast


class Management(BaseHTTPRequestHandler):
    """Answers with the statuses that its server has left, and notes what came."""

    def do_POST(self) -> None:
        """Take a message."""
        server = cast("ManagementServer", self.server)
        body = self.rfile.read(int(self.headers["content-length"]))
        server.posted.append((self.path, body))
        self.send_response(server.statuses.pop(0) if server.statuses else 200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:  # pyright: ignore[reportIncompatibleMethodOverride] - told
        """Say nothing."""


class ManagementServer(HTTPServer):
    """The `@connections` of an API, on this machine."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Management)
        self.statuses: list[int] = []
        self.posted: list[tuple[str, bytes]] = []

    @property
    def endpoint(self) -> str:
        """Where it is, stage included."""
        return f"http://127.0.0.1:{self.server_port}/live"


@contextmanager
def managing() -> Generator[ManagementServer]:
    """Serve it on a free port, for as long as the block takes."""
    with ManagementServer() as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()
