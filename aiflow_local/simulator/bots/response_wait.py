"""Strategies for waiting on the messages of a bot.

Time in a call is virtual, but a socket needs real time. Nothing marks the last message of a bot, so
the simulator waits for silence, unless it knows when the bot has processed an event.
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
"""Waits until the bot has processed a number of events; returns the messages that it sent.

It is called in the thread of the call with the number of events sent so far. It returns when the
bot has processed them, or cannot process any more. The result counts all messages since the start
of the call, over all connections; the simulator then waits until it has received them.
"""


class ResponseWait(Protocol):
    """Strategy for waiting after an event."""

    @property
    def is_real_time(self) -> bool:
        """Whether the clock of the call waits in real time, so that this does not."""
        ...

    def wait(self, name: str, number: int, inbox: Inbox) -> None:
        """Wait for messages that answer an event.

        Args:
            name: type of the event.
            number: number of events sent so far.
            inbox: inbox of the connection.
        """
        ...


class WaitUntilQuiet:
    """Waits until no message has arrived for a while, in real time.

    Where the caller waits for the agent to speak, the first message has time until the deadline.
    """

    is_real_time = False

    def __init__(self, options: ServiceOptions) -> None:
        self._deadline_seconds = options.answer_deadline_ms / 1000
        self._quiet_seconds = options.quiet_ms / 1000

    def wait(self, name: str, number: int, inbox: Inbox) -> None:
        """Wait until the connection is quiet."""
        del number
        if name in EVENTS_WITHOUT_ANSWER:
            return
        if name in EVENTS_EXPECTING_ANSWER:
            inbox.wait_for_answer(self._deadline_seconds)
        inbox.wait_until_quiet(self._quiet_seconds)


class WaitUntilProcessed:
    """Waits for all sent messages, so that transcripts are deterministic.

    Args:
        settled: waits until events are processed.
    """

    is_real_time = False

    def __init__(self, settled: ProcessedMessages) -> None:
        self._settled = settled

    def wait(self, name: str, number: int, inbox: Inbox) -> None:
        """Wait until all sent messages are received."""
        del name
        inbox.wait_until_received(self._settled(number))


class NoWait:
    """Does not wait: in real time, messages are processed on arrival."""

    is_real_time = True

    def wait(self, name: str, number: int, inbox: Inbox) -> None:
        """Return immediately."""
