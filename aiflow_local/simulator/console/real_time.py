"""A call in real time: playback takes its time, and what is typed or sent meanwhile comes first."""

import time
from collections.abc import Callable
from queue import Empty, SimpleQueue

from aiflow_local.simulator.console.command_runner import Caller
from aiflow_local.simulator.console.virtual_time import on_the_phone
from aiflow_local.simulator.engine.clock import Rung, Woken

_NEVER_MS = 2**53


class Typed(Woken):
    """Something was typed before the next thing was due.

    Attributes:
        line: what; None to hang up.
    """

    def __init__(self, line: str | None, waited_ms: int) -> None:
        super().__init__(waited_ms, line)
        self.line = line


class Keyboard:
    """Wakes the thread where the call goes on: from the one where a person types, and from others.

    Args:
        now: tells the time in seconds.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._lines = SimpleQueue[str | None | _Ring]()
        self._now = now

    def type(self, line: str | None) -> None:
        """Pass on a line; None to hang up."""
        self._lines.put(line)

    def ring(self) -> None:
        """Let it be known that there is something to look at, like a message of the bot."""
        self._lines.put(_Ring())

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
        raise Rung(waited_ms) if isinstance(line, _Ring) else Typed(line, waited_ms)


class _Ring:
    """Stands among the lines for what was not typed."""


def converse_live(caller: Caller) -> None:
    """Call, and let the call go on until it is over.

    Args:
        caller: who does what is typed; at once, so that nothing but the call takes time. The clock
            of the call must have the `wait` of a `Keyboard` for its pace.
    """
    call = caller.call
    with on_the_phone(call):
        call.begin()
        while not call.is_over:
            try:
                if not call.step(_NEVER_MS) and not call.is_over:
                    call.clock.idle()
            except Typed as typed:
                _do(caller, typed.line)
            except Rung:
                """The next step looks at what has come."""


def _do(caller: Caller, line: str | None) -> None:
    if line is None:
        caller.call.hangs_up()
    else:
        caller.do(line)
