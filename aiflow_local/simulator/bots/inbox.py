"""What has come over a connection and was not looked at yet."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from threading import Condition

from aiflow_local.simulator.engine.message_validation import is_not_an_action

MAX_UNREAD = 200
"""Messages that may wait for the phone to look; a bot that sends more floods it."""


@dataclass(frozen=True)
class ReceivedMessage:
    """A message that has come.

    Attributes:
        content: as it came.
        at: when, in seconds of the monotonic clock.
        is_chatter: whether it means nothing.
    """

    content: str | bytes
    at: float
    is_not_an_action: bool


@dataclass(frozen=True)
class Disconnect:
    """The connection is gone.

    Attributes:
        code: one word for programs.
        reason: why, in one line.
        status: of HTTP, if it was refused with one.
    """

    code: str
    reason: str
    status: int | None = None


class Inbox:
    """Takes messages from the thread of a connection to the one where the call goes on.

    Args:
        ring: called when something has come, in the thread of the connection.
    """

    def __init__(self, notify: Callable[[], None]) -> None:
        self.received = 0
        """Messages, since the beginning of the call."""
        self._notify = notify
        self._unread: list[ReceivedMessage] = []
        self._end: Disconnect | None = None
        self._is_open = False
        self._changed = Condition()

    def open(self) -> None:
        """Begin with a new connection."""
        with self._changed:
            self._unread.clear()
            self._end, self._is_open = None, True

    def put(self, content: str | bytes) -> bool:
        """Add a message; tell if there is room for another one."""
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
        """Learn that nothing more will come."""
        with self._changed:
            self._end, self._is_open = ended, False
            self._changed.notify_all()
        self._notify()

    def take(self) -> tuple[list[ReceivedMessage], Disconnect | None]:
        """Return what has come, in order, and the end after it; each only once."""
        with self._changed:
            unread, self._unread = self._unread, []
            ended, self._end = self._end, None
        return unread, ended

    def wait_for_answer(self, seconds: float) -> None:
        """Wait until something has come that is more than chatter, or the connection is gone."""
        with self._changed:
            self._changed.wait_for(self._has_answer, seconds)

    def wait_until_quiet(self, seconds: float) -> None:
        """Wait until nothing has come for so long, or the connection is gone."""
        with self._changed:
            while self._more_comes(self.received, seconds):
                pass

    def wait_until_received(self, number: int) -> None:
        """Wait until so many messages have come in all, or the connection is gone."""
        with self._changed:
            self._changed.wait_for(lambda: self.received >= number or not self._is_open)

    def _more_comes(self, known: int, seconds: float) -> bool:
        self._changed.wait_for(lambda: self.received > known or not self._is_open, seconds)
        return self.received > known

    def _has_answer(self) -> bool:
        return not self._is_open or any(not each.is_not_an_action for each in self._unread)
