"""WebSocket bots on a local socket: working ones, and ones with every kind of fault."""

import json
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from threading import Condition, Event, Thread
from typing import Any

from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.sync.server import ServerConnection, serve

type Json = dict[str, Any]
type Talk = Callable[["BotConnection", Json], None]
"""The reaction of a bot to an event."""


class BotConnection:
    """A connection of a bot."""

    def __init__(self, bot: "SocketBot", connection: ServerConnection) -> None:
        self.connection = connection
        self._bot = bot

    def send(self, message: object) -> None:
        """Send JSON, or text and bytes unchanged."""
        self._bot.sent += 1
        raw = message if isinstance(message, str | bytes) else json.dumps(message)
        self.connection.send(raw)

    def close(self, code: int = 1000, reason: str = "") -> None:
        """Close the connection."""
        self.connection.close(code, reason)


class SocketBot:
    """A bot that records events, and on which a test can wait.

    Args:
        talk: its reaction to an event.
        status: of its response to a connection request; 101 accepts.
        headers: of a rejection.
    """

    def __init__(self, talk: Talk, status: int = 101, **headers: str) -> None:
        self.events: list[Json] = []
        self.headers: list[dict[str, str]] = []
        """Headers of connection requests, with names in lower case."""
        self.closed: list[int | None] = []
        """Close codes of the connections."""
        self.sent = 0
        self._talk = talk
        self._status = status
        self._rejection_headers = headers
        self._handled = 0
        self._changed = Condition()

    @property
    def told(self) -> list[str]:
        """The types of the events, in order."""
        return [event["type"] for event in self.events]

    def settled(self, number: int) -> int:
        """Wait until this many events are handled; return the number of sent messages."""
        with self._changed:
            self._changed.wait_for(lambda: self._handled >= number)
            return self.sent

    def serve(self, connection: ServerConnection) -> None:
        """Handle the events of one connection."""
        bot_connection = BotConnection(self, connection)
        with suppress(ConnectionClosed):
            while True:
                event = json.loads(connection.recv())
                self.events.append(event)
                with suppress(ConnectionClosed):
                    self._talk(bot_connection, event)
                with self._changed:
                    self._handled += 1
                    self._changed.notify_all()
        self.closed.append(connection.close_code)

    def admit(self, connection: ServerConnection, request: Request) -> Response | None:
        """Reject a connection request, unless the status is 101."""
        self.headers.append({name.lower(): value for name, value in request.headers.raw_items()})
        if self._status == 101:
            return None
        response = connection.respond(self._status, "")
        response.headers.update(self._rejection_headers)
        return response


@contextmanager
def serving_socket(bot: SocketBot) -> Generator[str]:
    """Serve a bot until the block ends; yield its URL."""
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
    """Return a working bot that speaks after events of these types."""

    def talk(bot_connection: BotConnection, event: Json) -> None:
        if event["type"] in names:
            bot_connection.send(speak(event, text))

    return talk


def sending(*messages: object, to: str = "session_start") -> Talk:
    """Return a bot that sends these messages after an event of one type."""

    def talk(bot_connection: BotConnection, event: Json) -> None:
        if event["type"] == to:
            for message in messages:
                bot_connection.send(message)

    return talk


def closing(code: int, reason: str = "", *, to: str = "session_start") -> Talk:
    """Return a bot that closes the connection after an event of one type."""

    def talk(bot_connection: BotConnection, event: Json) -> None:
        if event["type"] == to:
            bot_connection.close(code, reason)

    return talk


def broken_off(bot_connection: BotConnection, _: Json) -> None:
    """Drop the connection without a close message."""
    bot_connection.connection.socket.shutdown(2)


def flooding(bot_connection: BotConnection, event: Json) -> None:
    """Send messages until the connection is closed."""
    while event["type"] == "session_start":
        bot_connection.send({"type": "connected"})


class Thinking:
    """A bot that speaks at once, and again when the test calls `join`."""

    def __init__(self) -> None:
        self.done = Event()
        self._threads: list[Thread] = []

    def __call__(self, bot_connection: BotConnection, event: Json) -> None:
        if event["type"] == "user_speak":
            bot_connection.send(speak(event, "One moment"))
            thread = Thread(target=self._think, args=(bot_connection, event))
            self._threads.append(thread)
            thread.start()

    def _think(self, bot_connection: BotConnection, event: Json) -> None:
        self.done.wait()
        with suppress(ConnectionClosed):
            bot_connection.send(speak(event, "It is done"))

    def join(self) -> None:
        """Send the second message, and wait for it."""
        self.done.set()
        for thread in self._threads:
            thread.join()
