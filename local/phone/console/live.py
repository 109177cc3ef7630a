"""A call in real time: playback takes its time, and what is typed meanwhile interrupts it."""

import time
from collections.abc import Callable
from queue import Empty, SimpleQueue

from local.phone.console.acting import Caller
from local.phone.console.conversation import on_the_phone

_NEVER_MS = 2**53


class Typed(Exception):
    """Something was typed before the next thing was due.

    Attributes:
        line: what; None to hang up.
        waited_ms: how long nothing was.
    """

    def __init__(self, line: str | None, waited_ms: int) -> None:
        super().__init__(line)
        self.line = line
        self.waited_ms = waited_ms


class Keyboard:
    """Brings lines from the thread where a person types to the one where the call goes on.

    Args:
        now: tells the time in seconds.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._lines = SimpleQueue[str | None]()
        self._now = now

    def type(self, line: str | None) -> None:
        """Pass on a line; None to hang up."""
        self._lines.put(line)

    def wait(self, seconds: float | None = None) -> None:
        """Let so much time pass, or as much as it takes: what is typed ends it.

        Raises:
            Typed: something was.
        """
        begun = self._now()
        try:
            line = self._lines.get(timeout=seconds)
        except Empty:
            return
        waited_ms = round((self._now() - begun) * 1000)
        limit_ms = waited_ms if seconds is None else round(seconds * 1000)
        raise Typed(line, min(waited_ms, limit_ms))


def converse_live(caller: Caller, keyboard: Keyboard) -> None:
    """Call, and let the call go on until it is over.

    The clock of the call must have `keyboard.wait` for its pace.

    Args:
        caller: who does what is typed; at once, so that nothing but the call takes time.
        keyboard: where it comes from.
    """
    call = caller.call
    with on_the_phone(call):
        call.begin()
        while not call.is_over:
            try:
                if not call.step(_NEVER_MS) and not call.is_over:
                    keyboard.wait()
            except Typed as typed:
                call.clock.now_ms += typed.waited_ms
                _do(caller, typed.line)


def _do(caller: Caller, line: str | None) -> None:
    if line is None:
        caller.call.hangs_up()
    else:
        caller.do(line)
