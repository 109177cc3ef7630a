"""Runs one thread at a time, in the order of virtual time.

Handlers are plain functions, so each run needs a thread. A thread runs until it waits; then the
scheduler continues with the next timer. The result does not depend on the machine, and each wait
is a point at which any other run may continue.
"""

from collections import deque
from collections.abc import Callable
from threading import Lock, Thread

from aiflow_local.simulator.engine.clock import Clock, Timer

_FOR_EVER_MS = 2**53


class SharedClock(Clock):
    """The virtual clock of all calls of a simulation."""

    def is_next(self, timer: Timer) -> bool:
        """Return whether this timer is the next one."""
        return bool(self._timers) and self._timers[0][2] is timer

    def pop(self, timer: Timer) -> None:
        """Advance to the next timer without running its action."""
        timer.action = _nothing
        self.step(timer.at_ms)


class Scheduler:
    """Runs the timers of a clock, one thread at a time.

    Args:
        clock: the virtual clock.
    """

    def __init__(self, clock: SharedClock) -> None:
        self.clock = clock
        self._resumed: Lock | None = None
        self._idle = _IDLE_WORKERS
        self._done = _held_lock()
        self._error: BaseException | None = None

    def run(self) -> None:
        """Run all timers, including those that they add.

        Raises:
            BaseException: raised by a timer.
        """
        self._hand_over()
        self._done.acquire()
        if self._error:
            raise self._error

    def wait(self, ms: int) -> None:
        """Wait in virtual time while other threads run."""
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
        """Let another thread run the next timers."""
        worker = self._idle.pop() if self._idle else _Worker(self._idle)
        worker.begin(self._run_due)

    def _run_due(self) -> Lock:
        """Run timers until one resumes a waiting thread or none is left.

        Returns:
            The lock to release next.
        """
        try:
            while self.clock.step(_FOR_EVER_MS):
                if self._resumed:
                    lock, self._resumed = self._resumed, None
                    return lock
        except BaseException as error:  # noqa: BLE001 - raised by `run`
            self._error = self._error or error
        return self._done


class _Worker:
    """A pooled thread that runs one task at a time."""

    def __init__(self, idle: "deque[_Worker]") -> None:
        self._idle = idle
        self._start = _held_lock()
        self._work: Callable[[], Lock] | None = None
        Thread(target=self._serve, daemon=True).start()

    def begin(self, work: Callable[[], Lock]) -> None:
        """Start a task; the lock that it returns is released after it."""
        self._work = work
        self._start.release()

    def _serve(self) -> None:
        while True:
            self._start.acquire()
            work, self._work = self._work, None
            lock = work() if work else None
            # Before the release: only the running thread may change the pool.
            self._idle.append(self)
            if lock:
                lock.release()


_IDLE_WORKERS: deque[_Worker] = deque()


def _held_lock() -> Lock:
    lock = Lock()
    lock.acquire()
    return lock


def _nothing() -> None:
    """Do nothing: the waiting thread continues itself."""
