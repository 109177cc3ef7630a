"""Time limits: a caller waits, so an answer that comes late is no answer."""

import signal
import threading
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from types import FrameType
from typing import Never

from aiflow.errors import DeadlineExceeded

TimeLimit = Callable[[float], AbstractContextManager[None]]
"""Limits a block to so many seconds: `DeadlineExceeded` is raised in it when they are over."""

_AGAIN_SECONDS = 0.1


def no_timeout(_seconds: float) -> AbstractContextManager[None]:
    """Let a block take as long as it likes."""
    return nullcontext()


@contextmanager
def sigalrm_timeout(seconds: float) -> Generator[None]:
    """Limit a block by the alarm of the operating system, which wakes even a waiting socket.

    It rings again as long as the block is not left: botocore takes whatever interrupts a request
    for a fault of the network, and would ask once more. Only the main thread can be interrupted.
    Lambda runs handlers there; elsewhere there is no limit.

    Raises:
        DeadlineExceeded: the time is over.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    if seconds <= 0:
        _ring(0, None)
    before = signal.signal(signal.SIGALRM, _ring)
    signal.setitimer(signal.ITIMER_REAL, seconds, _AGAIN_SECONDS)
    try:
        try:
            yield
        finally:
            # It may ring right here, but not so soon again.
            signal.setitimer(signal.ITIMER_REAL, 0)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _ring(_signal: int, _frame: FrameType | None) -> Never:
    raise DeadlineExceeded("the time for an answer is over")
