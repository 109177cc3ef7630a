"""How long to wait for a bot that may send what it likes when it likes.

Time in a call is virtual, and a socket is not. Nobody says over a WebSocket that this was all: only
a silence does, unless whoever makes the call knows the bot from inside.
"""

from collections.abc import Callable
from typing import Protocol

from aiflow_local.simulator.bots.inbox import Inbox
from aiflow_local.simulator.engine.bot_connection import (
    EVENTS_EXPECTING_ANSWER,
    EVENTS_WITHOUT_ANSWER,
)
from aiflow_local.simulator.engine.options import ServiceOptions

type ProcessedMessages = Callable[[int], int]
"""Knows when a bot is done.

It is called after each event, in the thread of the call, with the number of events that went out
through the door so far. It comes back as soon as the bot has dealt with all of them and will send
nothing more for now, or can deal with no more; and it returns how many messages the bot has sent
through the door since the call began, over all connections. All of these are then waited for.
"""


class ResponseWait(Protocol):
    """Knows how long to wait after an event."""

    @property
    def is_live(self) -> bool:
        """Whether nobody waits, since time passes by itself."""
        ...

    def wait(self, name: str, number: int, inbox: Inbox) -> None:
        """Wait for what is sent in answer to an event.

        Args:
            name: of the event.
            number: how many events were sent so far.
            inbox: where the messages arrive.
        """
        ...


class WaitUntilQuiet:
    """Waits until nothing has come for a while, of real time.

    Where a caller would wait for the agent to speak, the first message has until the deadline.
    """

    is_live = False

    def __init__(self, options: ServiceOptions) -> None:
        self._deadline_seconds = options.answer_deadline_ms / 1000
        self._quiet_seconds = options.quiet_ms / 1000

    def wait(self, name: str, number: int, inbox: Inbox) -> None:
        """See `Patience.wait`."""
        del number
        if name in EVENTS_WITHOUT_ANSWER:
            return
        if name in EVENTS_EXPECTING_ANSWER:
            inbox.wait_for_answer(self._deadline_seconds)
        inbox.wait_until_quiet(self._quiet_seconds)


class WaitUntilProcessed:
    """Waits for all that was sent: the transcript of a call is the same each run.

    Args:
        settled: knows when that is.
    """

    is_live = False

    def __init__(self, settled: ProcessedMessages) -> None:
        self._settled = settled

    def wait(self, name: str, number: int, inbox: Inbox) -> None:
        """See `Patience.wait`."""
        del name
        inbox.wait_until_received(self._settled(number))


class NoWait:
    """Waits for nothing, since the clock of the call does: messages are obeyed when they come."""

    is_live = True

    def wait(self, name: str, number: int, inbox: Inbox) -> None:
        """See `Patience.wait`."""
