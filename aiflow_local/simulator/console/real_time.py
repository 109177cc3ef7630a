"""A call in real time: playback takes its time, and what is typed or sent meanwhile comes first."""

import time
from collections.abc import Callable
from queue import Empty, SimpleQueue

from aiflow_local.simulator.console.command_runner import CommandRunner
from aiflow_local.simulator.console.virtual_time import hang_up_when_interrupted
from aiflow_local.simulator.engine.clock import MessageArrived, WaitInterrupted

_FOREVER_MS = 2**53


class LineTyped(WaitInterrupted):
    """Something was typed before the next thing was due.

    Attributes:
        line: what; None to hang up.
    """

    def __init__(self, line: str | None, waited_ms: int) -> None:
        super().__init__(waited_ms, line)
        self.line = line


class InputQueue:
    """Wakes the thread where the call goes on: from the one where a person types, and from others.

    Args:
        now: tells the time in seconds.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._lines = SimpleQueue[str | None | _Notification]()
        self._now = now

    def put_line(self, line: str | None) -> None:
        """Pass on a line; None to hang up."""
        self._lines.put(line)

    def notify(self) -> None:
        """Let it be known that there is something to look at, like a message of the bot."""
        self._lines.put(_Notification())

    def wait(self, seconds: float | None = None) -> None:
        """Let so much time pass, or as much as it takes: what is typed ends it, and a ring.

        Raises:
            Typed: something was.
            Rung: somebody rang.
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
    """Stands among the lines for what was not typed."""


def run_in_real_time(caller: CommandRunner) -> None:
    """Call, and let the call go on until it is over.

    Args:
        caller: who does what is typed; at once, so that nothing but the call takes time. The clock
            of the call must have the `wait` of a `Keyboard` for its pace.
    """
    call = caller.call
    with hang_up_when_interrupted(call):
        call.begin()
        while not call.is_over:
            try:
                if not call.step(_FOREVER_MS) and not call.is_over:
                    call.clock.idle()
            except LineTyped as interrupted:
                _do(caller, interrupted.line)
            except MessageArrived:
                """The next step looks at what has come."""


def _do(caller: CommandRunner, line: str | None) -> None:
    if line is None:
        caller.call.hangs_up()
    else:
        caller.execute(line)
