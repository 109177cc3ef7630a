"""Time limits: a timeout by SIGALRM, and an action that runs while a block is slow."""

import signal
import threading
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import copy_context
from types import FrameType
from typing import Never

from aiflow.errors import DeadlineExceeded

TimeLimit = Callable[[float], AbstractContextManager[None]]
"""Limits a block to a number of seconds; afterwards `DeadlineExceeded` is raised in it."""

DelayedAction = Callable[[float, Callable[[], None]], AbstractContextManager[None]]
"""Runs an action once if a block takes longer than a number of seconds.

The action has ended when the block has been left. An error of it is raised then, unless the block
itself raised one.
"""

_RING_AGAIN_SECONDS = 0.1


def no_timeout(_seconds: float) -> AbstractContextManager[None]:
    """Do not limit a block."""
    return nullcontext()


@contextmanager
def sigalrm_timeout(seconds: float) -> Generator[None]:
    """Limit a block by SIGALRM, which interrupts even a waiting socket.

    The signal is repeated until the block is left: botocore takes the first exception for a network
    error and retries the request. Only the main thread can be interrupted. Lambda runs handlers
    there; in other threads there is no limit.

    Raises:
        DeadlineExceeded: the time is over.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    if seconds <= 0:
        _raise_deadline_exceeded(0, None)
    before = signal.signal(signal.SIGALRM, _raise_deadline_exceeded)
    signal.setitimer(signal.ITIMER_REAL, seconds, _RING_AGAIN_SECONDS)
    try:
        try:
            yield
        finally:
            # A signal may arrive right here, but not another one so soon.
            signal.setitimer(signal.ITIMER_REAL, 0)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _raise_deadline_exceeded(_signal: int, _frame: FrameType | None) -> Never:
    raise DeadlineExceeded("the time for an answer is over")


def never(_seconds: float, _act: Callable[[], None]) -> AbstractContextManager[None]:
    """Do not run the action."""
    return nullcontext()


@contextmanager
def run_if_slow(seconds: float, act: Callable[[], None]) -> Generator[None]:
    """Run an action in a thread that ends with the block: Lambda freezes threads afterwards.

    A signal would interrupt the handler, possibly while it holds a lock or uses the same client.

    Raises:
        Exception: what `act` raises.
    """
    # Over HTTP no event needs it.
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 - see above

    is_left = threading.Event()

    def wait() -> None:
        if not is_left.wait(seconds):
            act()

    with ThreadPoolExecutor(max_workers=1) as thread:
        # With the handler's context variables, so that tracers see one invocation.
        done = thread.submit(copy_context().run, wait)
        try:
            yield
        finally:
            is_left.set()
    done.result()
