"""Bots behind a WebSocket of this machine: good ones, and all that can be wrong with one."""

import json
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from threading import Condition, Event, Thread
from typing import Any

from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.sync.server import ServerConnection, serve

type Json = dict[str, Any]
type Talk = Callable[["Line", Json], None]
"""Does something about an event."""


class Line:
    """A connection, as a bot sees it."""

    def __init__(self, bot: "SocketBot", connection: ServerConnection) -> None:
        self.connection = connection
        self._bot = bot

    def send(self, message: object) -> None:
        """Send JSON; a text and bytes as they are."""
        self._bot.sent += 1
        raw = message if isinstance(message, str | bytes) else json.dumps(message)
        self.connection.send(raw)

    def close(self, code: int = 1000, reason: str = "") -> None:
        """Close the connection."""
        self.connection.close(code, reason)


class SocketBot:
    """A bot that takes down what it is sent, and knows when it is done.

    Args:
        talk: what it does.
        status: with which it refuses connections; 101 for not at all.
        headers: of the refusal.
    """

    def __init__(self, talk: Talk, status: int = 101, **headers: str) -> None:
        self.events: list[Json] = []
        self.headers: list[dict[str, str]] = []
        """Of the requests for a connection, with names in lower case."""
        self.closed: list[int | None] = []
        """The codes with which connections were closed."""
        self.sent = 0
        self._talk = talk
        self._status = status
        self._refusal_headers = headers
        self._handled = 0
        self._changed = Condition()

    @property
    def told(self) -> list[str]:
        """The types of the events, in order."""
        return [event["type"] for event in self.events]

    def settled(self, number: int) -> int:
        """Wait until so many events have been dealt with; return how many messages were sent."""
        with self._changed:
            self._changed.wait_for(lambda: self._handled >= number)
            return self.sent

    def serve(self, connection: ServerConnection) -> None:
        """Talk to one caller."""
        line = Line(self, connection)
        with suppress(ConnectionClosed):
            while True:
                event = json.loads(connection.recv())
                self.events.append(event)
                with suppress(ConnectionClosed):
                    self._talk(line, event)
                with self._changed:
                    self._handled += 1
                    self._changed.notify_all()
        self.closed.append(connection.close_code)

    def admit(self, connection: ServerConnection, request: Request) -> Response | None:
        """Refuse a connection, if this is that kind of a bot."""
        self.headers.append({name.lower(): value for name, value in request.headers.raw_items()})
        if self._status == 101:
            return None
        response = connection.respond(self._status, "")
        response.headers.update(self._refusal_headers)
        return response


@contextmanager
def serving_socket(bot: SocketBot) -> Generator[str]:
    """Serve a bot for as long as the block takes; return its URL."""
    with serve(bot.serve, "127.0.0.1", 0, process_request=bot.admit) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"ws://127.0.0.1:{server.socket.getsockname()[1]}/live"
        finally:
            server.shutdown()
            thread.join()


def speak(event: Json, text: str) -> Json:
    """Return a `speak` for the call of an event."""
    return {"type": "speak", "session_id": event["session"]["id"], "text": text}


def act(event: Json, name: str, **members: object) -> Json:
    """Return any action for the call of an event."""
    return {"type": name, "session_id": event["session"]["id"], **members}


def conversing(text: str, *names: str) -> Talk:
    """A good bot that says something after each event of these types, and else nothing."""

    def talk(line: Line, event: Json) -> None:
        if event["type"] in names:
            line.send(speak(event, text))

    return talk


def sending(*messages: object, to: str = "session_start") -> Talk:
    """A bot that sends these messages when it is sent an event of this type."""

    def talk(line: Line, event: Json) -> None:
        if event["type"] == to:
            for message in messages:
                line.send(message)

    return talk


def closing(code: int, reason: str = "", *, to: str = "session_start") -> Talk:
    """A bot that closes the connection when it is sent an event of this type."""

    def talk(line: Line, event: Json) -> None:
        if event["type"] == to:
            line.close(code, reason)

    return talk


def broken_off(line: Line, _: Json) -> None:
    """Drop the connection without a word."""
    line.connection.socket.shutdown(2)


def flooding(line: Line, event: Json) -> None:
    """Send chatter until nobody listens any more."""
    while event["type"] == "session_start":
        line.send({"type": "connected"})


class Thinking:
    """A bot that says at once that it thinks, and what it thought when it is told to."""

    def __init__(self) -> None:
        self.done = Event()
        self._threads: list[Thread] = []

    def __call__(self, line: Line, event: Json) -> None:
        if event["type"] == "user_speak":
            line.send(speak(event, "One moment"))
            thread = Thread(target=self._think, args=(line, event))
            self._threads.append(thread)
            thread.start()

    def _think(self, line: Line, event: Json) -> None:
        self.done.wait()
        with suppress(ConnectionClosed):
            line.send(speak(event, "It is done"))

    def join(self) -> None:
        """Let it finish."""
        self.done.set()
        for thread in self._threads:
            thread.join()
