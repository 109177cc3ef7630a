"""One thing at a time: the runs of a simulation pass a baton, and virtual time decides to whom.

Every run has a thread, since the handlers are plain functions; but a thread moves only while it
holds the baton, and gives it away only where it waits. So nothing depends on the machine, and every
wait is a point at which anybody else may come first.
"""

from collections import deque
from collections.abc import Callable
from threading import Lock, Thread

from aiflow_local.simulator.engine.clock import Clock, Timer

_FOR_EVER_MS = 2**53


class SharedClock(Clock):
    """The clock of all calls of a simulation."""

    def is_next(self, timer: Timer) -> bool:
        """Tell whether this timer is the next that is due."""
        return bool(self._timers) and self._timers[0][2] is timer

    def pop(self, timer: Timer) -> None:
        """Go on to a timer that is the next, without doing anything."""
        timer.action = _nothing
        self.step(timer.at_ms)


class Scheduler:
    """Lets runs take turns.

    Args:
        clock: on which they wait.
    """

    def __init__(self, clock: SharedClock) -> None:
        self.clock = clock
        self._resumed: Lock | None = None
        self._idle = _IDLE_WORKERS
        self._done = _held_lock()
        self._error: BaseException | None = None

    def run(self) -> None:
        """Do all that is due, and whatever comes of it, until nothing is left.

        Raises:
            BaseException: what something that was due raised.
        """
        self._hand_over()
        self._done.acquire()
        if self._error:
            raise self._error

    def wait(self, ms: int) -> None:
        """Let so much time pass, and everybody else do what is due meanwhile."""
        lock = _held_lock()
        timer = self.clock.after(ms, lambda: self._resume(lock))
        if self.clock.is_next(timer):
            self.clock.pop(timer)
            return
        self._hand_over()
        lock.acquire()

    def _resume(self, lock: Lock) -> None:
        self._resumed = lock

    def _hand_over(self) -> None:
        """Give the baton to somebody who does what is due next."""
        worker = self._idle.pop() if self._idle else _Worker(self._idle)
        worker.begin(self._run_due)

    def _run_due(self) -> Lock:
        """Do what is due until somebody is woken who waited, or nothing is left; return whom."""
        try:
            while self.clock.step(_FOR_EVER_MS):
                if self._resumed:
                    lock, self._resumed = self._resumed, None
                    return lock
        except BaseException as error:  # noqa: BLE001 - it belongs to whoever called `run`
            self._error = self._error or error
        return self._done


class _Worker:
    """A thread that does what it is told, and then waits to be told again."""

    def __init__(self, idle: "deque[_Worker]") -> None:
        self._idle = idle
        self._start = _held_lock()
        self._work: Callable[[], Lock] | None = None
        Thread(target=self._serve, daemon=True).start()

    def begin(self, work: Callable[[], Lock]) -> None:
        """Do this; what it returns is opened when it is done."""
        self._work = work
        self._start.release()

    def _serve(self) -> None:
        while True:
            self._start.acquire()
            work, self._work = self._work, None
            lock = work() if work else None
            # Before the baton is gone: the crew belongs to whoever holds it.
            self._idle.append(self)
            if lock:
                lock.release()


_IDLE_WORKERS: deque[_Worker] = deque()


def _held_lock() -> Lock:
    lock = Lock()
    lock.acquire()
    return lock


def _nothing() -> None:
    """Do nothing: whoever waits goes on by itself."""
