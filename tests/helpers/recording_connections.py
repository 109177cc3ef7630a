"""A connection sender for tests: it records messages and simulates closed connections."""

import json
from collections.abc import Callable
from typing import Any

from aiflow.errors import ConnectionGone, ConnectionUnavailable

type Hook = Callable[[int], None]
"""A function that takes a number of messages."""


def _nothing(_: int) -> None:
    """Do nothing."""


class RecordingConnectionSender:
    """A connection sender that records messages.

    Attributes:
        sent: pairs of connection id and message, in order.
        gone: ids of closed connections.
        broken: whether every message fails.
        before_send: called before each message with the number of messages sent so far.
        after_send: called after each message with the number of messages sent so far.
    """

    def __init__(self) -> None:
        self.sent: list[tuple[str, Any]] = []
        self.gone: set[str] = set()
        self.broken = False
        self.before_send: Hook = _nothing
        self.after_send: Hook = _nothing

    def send(self, connection_id: str, message: str) -> None:
        """See `ConnectionSender.send`."""
        self.before_send(len(self.sent))
        if self.broken:
            raise ConnectionUnavailable("the message was not sent: ReadTimeoutError")
        if connection_id in self.gone:
            raise ConnectionGone("the connection is closed")
        self.sent.append((connection_id, json.loads(message)))
        self.after_send(len(self.sent))

    @property
    def messages(self) -> list[Any]:
        """All messages, in order."""
        return [message for _, message in self.sent]

    @property
    def actions(self) -> list[dict[str, Any]]:
        """The actions of all messages, in order."""
        actions: list[dict[str, Any]] = []
        for message in self.messages:
            actions += message if isinstance(message, list) else [message]
        return actions

    @property
    def texts(self) -> list[str]:
        """The texts of all `speak` actions, in order."""
        return [action["text"] for action in self.actions if action["type"] == "speak"]
