"""The clock of a call: virtual, so that a call takes no time and is deterministic."""

import heapq
from collections.abc import Callable
from itertools import count

type Callback = Callable[[], None]


class WaitInterrupted(Exception):
    """The wait ended before the next timer was due.

    Attributes:
        waited_ms: duration of the wait.
    """

    def __init__(self, waited_ms: int, *what: object) -> None:
        super().__init__(*what)
        self.waited_ms = waited_ms


class MessageArrived(WaitInterrupted):
    """The bot has sent a message."""


class Timer:
    """Callback at a point in time, unless it is cancelled.

    Args:
        at_ms: time in milliseconds of the clock.
        action: the callback.
    """

    __slots__ = ("action", "at_ms", "is_cancelled")

    def __init__(self, at_ms: int, action: Callback) -> None:
        self.at_ms = at_ms
        self.action = action
        self.is_cancelled = False

    def cancel(self) -> None:
        """Cancel the timer."""
        self.is_cancelled = True


class Clock:
    """Milliseconds since the start of the call, and the timers of the call.

    Args:
        sleep: waits for a number of seconds before time moves on, or without limit for None. It
            may raise `WaitInterrupted`. Without it, time is virtual.
        wake: makes `sleep` raise `MessageArrived`; callable from any thread. None in virtual time.
    """

    def __init__(
        self,
        sleep: Callable[[float | None], None] | None = None,
        wake: Callable[[], None] | None = None,
    ) -> None:
        self.now_ms = 0
        self.wake = wake
        self._sleep = sleep
        # The number keeps timers of the same time in order.
        self._timers: list[tuple[int, int, Timer]] = []
        self._numbers = count()

    def after(self, delay_ms: int, action: Callback) -> Timer:
        """Schedule a callback after a delay."""
        timer = Timer(self.now_ms + max(0, delay_ms), action)
        heapq.heappush(self._timers, (timer.at_ms, next(self._numbers), timer))
        return timer

    def step(self, until_ms: int) -> bool:
        """Move to the next timer and execute it; return whether there was one by `until_ms`.

        Raises:
            WaitInterrupted: the wait was interrupted; time has moved on, and no timer was executed.
        """
        if self.is_idle or self._timers[0][0] > until_ms:
            return False
        # An interrupted wait leaves the timer in place.
        self._move_to(self._timers[0][0])
        heapq.heappop(self._timers)[2].action()
        return True

    @property
    def is_idle(self) -> bool:
        """Whether no timer is scheduled."""
        while self._timers and self._timers[0][2].is_cancelled:
            heapq.heappop(self._timers)
        return not self._timers

    def run_until(self, at_ms: int) -> None:
        """Execute all timers up to a time, and move there."""
        while self.step(at_ms):
            pass
        self._move_to(at_ms)

    def idle(self) -> None:
        """Wait without a timer, in real time only.

        Raises:
            WaitInterrupted: the wait was interrupted; time has moved on.
        """
        self._wait(None)

    def _move_to(self, at_ms: int) -> None:
        if at_ms > self.now_ms:
            self._wait((at_ms - self.now_ms) / 1000)
        self.now_ms = max(self.now_ms, at_ms)

    def _wait(self, seconds: float | None) -> None:
        if not self._sleep:
            return
        try:
            self._sleep(seconds)
        except WaitInterrupted as woken:
            self.now_ms += woken.waited_ms
            raise
