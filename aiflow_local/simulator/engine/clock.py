"""The clock of a call: virtual, so that an hour of talk costs no time and is the same each run."""

import heapq
from collections.abc import Callable
from itertools import count

type Action = Callable[[], None]


class WaitInterrupted(Exception):
    """Something happened before the next thing was due.

    Attributes:
        waited_ms: how long nothing did.
    """

    def __init__(self, waited_ms: int, *what: object) -> None:
        super().__init__(*what)
        self.waited_ms = waited_ms


class MessageArrived(WaitInterrupted):
    """There is something to look at: the bot has sent a message."""


class Timer:
    """Something that is due at a point in time, unless it is cancelled before.

    Args:
        at_ms: when, in milliseconds of the clock.
        action: what to do then.
    """

    __slots__ = ("action", "at_ms", "is_cancelled")

    def __init__(self, at_ms: int, action: Action) -> None:
        self.at_ms = at_ms
        self.action = action
        self.is_cancelled = False

    def cancel(self) -> None:
        """Call it off."""
        self.is_cancelled = True


class Clock:
    """Milliseconds since the call began, and what is due when.

    Args:
        pace: waits so many seconds before time moves on, for people, or for ever if it is given
            None; it may raise `Woken`. Without it nothing waits.
        wake: makes `pace` raise `Rung`, called from any thread; None where nothing is paced.
    """

    def __init__(
        self,
        sleep: Callable[[float | None], None] | None = None,
        wake: Callable[[], None] | None = None,
    ) -> None:
        self.now_ms = 0
        self.wake = wake
        self._sleep = sleep
        # The number makes who was set first come first.
        self._timers: list[tuple[int, int, Timer]] = []
        self._numbers = count()

    def after(self, delay_ms: int, action: Action) -> Timer:
        """Have something done so many milliseconds from now."""
        timer = Timer(self.now_ms + max(0, delay_ms), action)
        heapq.heappush(self._timers, (timer.at_ms, next(self._numbers), timer))
        return timer

    def step(self, until_ms: int) -> bool:
        """Go to what is due next and do it, if that is not after `until_ms`; tell if it was.

        Raises:
            Woken: something else came first; time has moved as far as that, and nothing is done.
        """
        if self.is_idle or self._timers[0][0] > until_ms:
            return False
        # Whoever waits may be woken up; what was due is due then all the same.
        self._move_to(self._timers[0][0])
        heapq.heappop(self._timers)[2].action()
        return True

    @property
    def is_idle(self) -> bool:
        """Whether nothing is due, however late."""
        while self._timers and self._timers[0][2].is_cancelled:
            heapq.heappop(self._timers)
        return not self._timers

    def run_until(self, at_ms: int) -> None:
        """Do all that is due up to `at_ms`, and go there."""
        while self.step(at_ms):
            pass
        self._move_to(at_ms)

    def idle(self) -> None:
        """Wait while nothing is due, where time is paced.

        Raises:
            Woken: something came; time has moved as far as that.
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
