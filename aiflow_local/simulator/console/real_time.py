"""Calls in real time: typed lines and messages interrupt the wait for the next timer."""

import time
from collections.abc import Callable
from queue import Empty, SimpleQueue

from aiflow_local.simulator.console.command_runner import CommandRunner
from aiflow_local.simulator.console.virtual_time import hang_up_when_interrupted
from aiflow_local.simulator.engine.clock import MessageArrived, WaitInterrupted

_FOREVER_MS = 2**53


class LineTyped(WaitInterrupted):
    """The user has typed a line.

    Attributes:
        line: the line; None to hang up.
    """

    def __init__(self, line: str | None, waited_ms: int) -> None:
        super().__init__(waited_ms, line)
        self.line = line


class InputQueue:
    """Passes typed lines and notifications to the thread of the call.

    Args:
        now: returns the time in seconds.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._lines = SimpleQueue[str | None | _Notification]()
        self._now = now

    def put_line(self, line: str | None) -> None:
        """Pass on a line; None to hang up."""
        self._lines.put(line)

    def notify(self) -> None:
        """Interrupt the wait, since the bot has sent a message."""
        self._lines.put(_Notification())

    def wait(self, seconds: float | None = None) -> None:
        """Wait for a time, or without limit for None.

        Raises:
            LineTyped: the user has typed a line.
            MessageArrived: the bot has sent a message.
        """
        begun = self._now()
        try:
            line = self._lines.get(timeout=seconds)
        except Empty:
            return
        waited_ms = round((self._now() - begun) * 1000)
        if seconds is not None:
            waited_ms = min(waited_ms, round(seconds * 1000))
        raise (
            MessageArrived(waited_ms)
            if isinstance(line, _Notification)
            else LineTyped(line, waited_ms)
        )


class _Notification:
    """Queue item without a line."""


def run_in_real_time(runner: CommandRunner) -> None:
    """Run a call in real time until it is over.

    Args:
        runner: runs the typed lines. The clock of its call must wait with an `InputQueue`.
    """
    call = runner.call
    with hang_up_when_interrupted(call):
        call.begin()
        while not call.is_over:
            try:
                if not call.step(_FOREVER_MS) and not call.is_over:
                    call.clock.idle()
            except LineTyped as interrupted:
                _do(runner, interrupted.line)
            except MessageArrived:
                """The next step processes the message."""


def _do(runner: CommandRunner, line: str | None) -> None:
    if line is None:
        runner.call.hangs_up()
    else:
        runner.execute(line)
