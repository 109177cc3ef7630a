"""The connection to any bot, in any language, at a WebSocket URL."""

import time
from collections.abc import Callable, Sequence
from threading import Thread
from types import TracebackType
from typing import Self

from websockets.exceptions import ConnectionClosed
from websockets.frames import CloseCode
from websockets.sync.client import ClientConnection

from aiflow.protocol.json_codec import encode
from aiflow.protocol.types import JsonObject
from aiflow_local.simulator.bots.inbox import MAX_UNREAD, Disconnect, Inbox, ReceivedMessage
from aiflow_local.simulator.bots.response_wait import ResponseWait, WaitUntilQuiet
from aiflow_local.simulator.bots.websocket_connect import (
    disconnect_of,
    open_connection,
    websocket_url,
)
from aiflow_local.simulator.engine.bot_connection import (
    EVENTS_EXPECTING_ANSWER,
    DeliveryFailure,
    NoResponse,
    WebSocketMessage,
)
from aiflow_local.simulator.engine.options import ServiceOptions

_ATTEMPTS = 2
_FLOOD = Disconnect(
    "flood", f"sent {MAX_UNREAD} messages without a pause: the simulator closed the connection"
)


class WebSocketConnection:
    """Sends each event as a message. Use it as a context manager.

    It connects with the first event. It replaces a lost connection at the next event, unless
    `dropped_connection` says otherwise.

    Args:
        url: URL of the WebSocket.
        token: value of the header `X-API-TOKEN`; None sends no header.
        options: service options.
        response_wait: strategy for waiting after an event; until quiet by default.
        notify: called in another thread when a message arrives.

    Raises:
        Unreadable: `url` is not a WebSocket URL.
    """

    reports_speech_started = True

    def __init__(
        self,
        url: str,
        token: str | None,
        options: ServiceOptions,
        response_wait: ResponseWait | None = None,
        notify: Callable[[], None] = lambda: None,
    ) -> None:
        websocket_url(url)
        self._url = url
        self._token = token
        self._options = options
        self._response_wait = response_wait or WaitUntilQuiet(options)
        self._inbox = Inbox(notify)
        self._pending: list[WebSocketMessage | DeliveryFailure] = []
        self._connection: ClientConnection | None = None
        self._reader = Thread()
        self._sent = 0
        self._sent_at = 0.0
        self._awaits_answer = False

    def send(self, event: JsonObject) -> WebSocketMessage | NoResponse | DeliveryFailure:
        """Send an event and wait for messages; return the first one, or a failure."""
        name = str(event["type"])
        if failed := self._send_text(encode(event)):
            return failed
        self._response_wait.wait(name, self._sent, self._inbox)
        messages = self._take_messages()
        # Later messages are unsolicited, unless an answer is still expected.
        self._awaits_answer = self._awaits_answer and name in EVENTS_EXPECTING_ANSWER
        if name == "session_end":
            self._close()
        answer_pending = self._awaits_answer and self._response_wait.is_real_time
        outcome = messages.pop(0) if messages else NoResponse(answer_pending)
        self._pending += messages
        return outcome

    def take_unsolicited(self) -> Sequence[WebSocketMessage | DeliveryFailure]:
        """Return other messages and failures, in order, without waiting."""
        arrived, self._pending = [*self._pending, *self._take_messages()], []
        return arrived

    def __enter__(self) -> Self:
        """Return this connection."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the WebSocket."""
        self._close()

    def _send_text(self, text: str) -> WebSocketMessage | DeliveryFailure | None:
        """Send a text; over a new connection if the old one was lost."""
        for _ in range(_ATTEMPTS):
            connection = self._connection or self._connect()
            if isinstance(connection, DeliveryFailure):
                return connection
            self._sent_at, self._awaits_answer = time.monotonic(), True
            try:
                connection.send(text)
            except ConnectionClosed:
                # The last item of the inbox tells why the connection ended.
                self._reader.join()
                self._pending += self._take_messages()
            else:
                self._sent += 1
                return None
            if self._options.dropped_connection == "hangup":
                break
        return self._pending.pop()

    def _connect(self) -> ClientConnection | DeliveryFailure:
        started = time.monotonic()
        seconds = self._options.answer_deadline_ms / 1000
        connection = open_connection(self._url, self._token, seconds)
        if isinstance(connection, Disconnect):
            ms = (time.monotonic() - started) * 1000
            # A call cannot start without a connection.
            return DeliveryFailure(connection.code, connection.reason, ms, is_permanent=True)
        self._inbox.open()
        self._connection = connection
        # A daemon thread does not delay the end of the process.
        self._reader = Thread(target=_read, args=(connection, self._inbox), daemon=True)
        self._reader.start()
        return connection

    def _close(self) -> None:
        connection, self._connection = self._connection, None
        if connection:
            connection.close()
            # The reader must not report this end on the next connection.
            self._reader.join()

    def _take_messages(self) -> list[WebSocketMessage | DeliveryFailure]:
        if self._connection is None:
            return []
        unread, end = self._inbox.take()
        messages: list[WebSocketMessage | DeliveryFailure] = [
            self._message(arrived) for arrived in unread
        ]
        if end:
            self._close()
            ms = (time.monotonic() - self._sent_at) * 1000
            is_permanent = self._options.dropped_connection == "hangup"
            messages.append(DeliveryFailure(end.code, end.reason, ms, is_permanent=is_permanent))
        return messages

    def _message(self, arrived: ReceivedMessage) -> WebSocketMessage:
        if arrived.is_ignored or not self._awaits_answer:
            return WebSocketMessage(arrived.content, None)
        self._awaits_answer = False
        return WebSocketMessage(arrived.content, (arrived.at - self._sent_at) * 1000)


def _read(connection: ClientConnection, inbox: Inbox) -> None:
    """Put messages into the inbox until the connection ends."""
    try:
        while inbox.put(connection.recv()):
            pass
    except ConnectionClosed as closed:
        inbox.end(disconnect_of(closed))
        return
    inbox.end(_FLOOD)
    connection.close(CloseCode.POLICY_VIOLATION, "too many messages")
