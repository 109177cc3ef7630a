"""Queue of received messages of a connection."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from threading import Condition

from aiflow_local.simulator.engine.message_validation import is_not_an_action

MAX_UNREAD = 200
"""Unread messages at which the simulator closes the connection."""


@dataclass(frozen=True)
class ReceivedMessage:
    """A received message.

    Attributes:
        content: content as received.
        at: time in seconds of the monotonic clock.
        is_ignored: whether the service ignores it, because it is not an action.
    """

    content: str | bytes
    at: float
    is_ignored: bool


@dataclass(frozen=True)
class Disconnect:
    """End of a connection.

    Attributes:
        code: stable identifier of the cause.
        reason: the cause in one line.
        status: HTTP status of a refused connection.
    """

    code: str
    reason: str
    status: int | None = None


class Inbox:
    """Passes messages from the thread of a connection to the thread of the call.

    Args:
        notify: called in the thread of the connection when a message arrives.
    """

    def __init__(self, notify: Callable[[], None]) -> None:
        self.received = 0
        """Received messages since the start of the call."""
        self._notify = notify
        self._unread: list[ReceivedMessage] = []
        self._end: Disconnect | None = None
        self._is_open = False
        self._changed = Condition()

    def open(self) -> None:
        """Start a new connection."""
        with self._changed:
            self._unread.clear()
            self._end, self._is_open = None, True

    def put(self, content: str | bytes) -> bool:
        """Add a message; return whether there is room for another one."""
        arrived = ReceivedMessage(content, time.monotonic(), is_not_an_action(content))
        with self._changed:
            self._unread.append(arrived)
            self.received += 1
            has_room = len(self._unread) < MAX_UNREAD
            if not has_room:
                self._unread.clear()
            self._changed.notify_all()
        if has_room:
            self._notify()
        return has_room

    def end(self, ended: Disconnect) -> None:
        """Set the end of the connection."""
        with self._changed:
            self._end, self._is_open = ended, False
            self._changed.notify_all()
        self._notify()

    def take(self) -> tuple[list[ReceivedMessage], Disconnect | None]:
        """Return new messages in order, and the end of the connection, each once."""
        with self._changed:
            unread, self._unread = self._unread, []
            ended, self._end = self._end, None
        return unread, ended

    def wait_for_answer(self, seconds: float) -> None:
        """Wait for a message that the service does not ignore, or for the end."""
        with self._changed:
            self._changed.wait_for(self._has_answer, seconds)

    def wait_until_quiet(self, seconds: float) -> None:
        """Wait until no message has arrived for this time, or until the end."""
        with self._changed:
            while self._more_comes(self.received, seconds):
                pass

    def wait_until_received(self, number: int) -> None:
        """Wait for this total number of messages, or for the end."""
        with self._changed:
            self._changed.wait_for(lambda: self.received >= number or not self._is_open)

    def _more_comes(self, known: int, seconds: float) -> bool:
        self._changed.wait_for(lambda: self.received > known or not self._is_open, seconds)
        return self.received > known

    def _has_answer(self) -> bool:
        return not self._is_open or any(not each.is_ignored for each in self._unread)
