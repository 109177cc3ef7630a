"""A time limit for handlers: a caller waits, so an answer that comes late is no answer."""

import signal
import threading
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager
from types import FrameType
from typing import Never

from aiflow.errors import DeadlineExceeded

TimeLimit = Callable[[float], AbstractContextManager[None]]
"""Limits a block to so many seconds: `DeadlineExceeded` is raised in it when they are over."""


@contextmanager
def alarm(seconds: float) -> Generator[None]:
    """Limit a block by the alarm of the operating system, which wakes even a waiting socket.

    Only the main thread can be interrupted. Lambda runs handlers there; elsewhere there is no
    limit.

    Raises:
        DeadlineExceeded: the time is over.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    if seconds <= 0:
        _ring(0, None)
    before = signal.signal(signal.SIGALRM, _ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _ring(_signal: int, _frame: FrameType | None) -> Never:
    raise DeadlineExceeded("the handler did not answer in time")
