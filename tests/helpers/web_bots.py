"""HTTP bots on a local socket: working ones, and ones with every kind of fault."""

import json
import socket
from collections.abc import Callable, Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread

from aiflow.protocol.types import JsonObject


class Request(BaseHTTPRequestHandler):
    """A request whose event has been parsed."""

    event: JsonObject

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - name of the base class
        """Suppress the log."""


type Bot = Callable[[Request], None]
"""Answers one request."""


def answering(
    body: object, status: int = 200, content_type: str = "application/json", **headers: str
) -> Bot:
    """Return a bot with a fixed response."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()

    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(status)
        request.send_header("content-type", content_type)
        request.send_header("content-length", str(len(raw)))
        for name, value in headers.items():
            request.send_header(name, value)
        request.end_headers()
        request.wfile.write(raw)

    return answer


def conversing(text: str, *events: str) -> Bot:
    """Return a working bot that speaks after events of these types."""

    def answer(request: Request) -> None:
        session, name = request.event["session"], request.event["type"]
        if name in events and isinstance(session, dict):
            answering({"type": "speak", "session_id": session["id"], "text": text})(request)
        else:
            request.send_response(204)
            request.end_headers()

    return answer


def hanging_up(request: BaseHTTPRequestHandler) -> None:
    """Close the connection without an answer."""
    request.connection.shutdown(socket.SHUT_RDWR)


def stopping_half_way(request: BaseHTTPRequestHandler) -> None:
    """Close the connection in the middle of an answer."""
    request.send_response(200)
    request.send_header("content-length", "1000")
    request.end_headers()
    request.wfile.write(b'{"type"')
    hanging_up(request)


def talking_something_else(request: BaseHTTPRequestHandler) -> None:
    """Respond in another protocol than HTTP."""
    request.wfile.write(b"220 mail.example.com ESMTP\r\n")


@contextmanager
def serving(bot: Bot) -> Generator[str]:
    """Serve a bot until the block ends; yield its URL."""

    class Handler(Request):
        def do_POST(self) -> None:
            self.event = json.loads(self.rfile.read(int(self.headers["content-length"])))
            self.close_connection = True
            bot(self)

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/webhook"
        finally:
            server.shutdown()
            thread.join()


def waiting(never: Event, drip_seconds: float) -> Bot:
    """Return a bot whose response body never ends: it is empty, or one space per interval."""

    def bot(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.end_headers()
        while drip_seconds and not never.wait(drip_seconds):
            try:
                request.wfile.write(b" ")
            except OSError:
                return
        # Returns when the client closes the connection.
        request.rfile.read(1)

    return bot
