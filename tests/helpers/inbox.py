"""Those who are connected to a WebSocket: what they got, and whether they are still there."""

import json
from collections.abc import Callable
from typing import Any

from aiflow.errors import ConnectionGone, ConnectionUnavailable

type Hook = Callable[[int], None]
"""Told of a number of messages."""


def _nothing(_: int) -> None:
    """Do nothing."""


class Mailbox:
    """`Connections` that keep what was sent.

    Attributes:
        sent: connection and message, in their order.
        gone: connections that nobody is at any more.
        broken: whether nothing gets through.
        meanwhile: called before a message goes out, with how many have gone before.
        afterwards: called when one has gone out, with how many have gone by now.
    """

    def __init__(self) -> None:
        self.sent: list[tuple[str, Any]] = []
        self.gone: set[str] = set()
        self.broken = False
        self.meanwhile: Hook = _nothing
        self.afterwards: Hook = _nothing

    def send(self, connection_id: str, message: str) -> None:
        """See `Connections.send`."""
        self.meanwhile(len(self.sent))
        if self.broken:
            raise ConnectionUnavailable("the message did not go out: ReadTimeoutError")
        if connection_id in self.gone:
            raise ConnectionGone("nobody is connected any more")
        self.sent.append((connection_id, json.loads(message)))
        self.afterwards(len(self.sent))

    @property
    def messages(self) -> list[Any]:
        """What was sent, in its order."""
        return [message for _, message in self.sent]

    @property
    def actions(self) -> list[dict[str, Any]]:
        """All actions, in their order, of whichever message."""
        actions: list[dict[str, Any]] = []
        for message in self.messages:
            actions += message if isinstance(message, list) else [message]
        return actions

    @property
    def texts(self) -> list[str]:
        """What was spoken, in its order."""
        return [action["text"] for action in self.actions if action["type"] == "speak"]
