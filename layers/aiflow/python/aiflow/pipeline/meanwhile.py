"""Meanwhile: what is done while a handler still thinks."""

from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import copy_context
from threading import Event

DelayedAction = Callable[[float, Callable[[], None]], AbstractContextManager[None]]
"""Does something, once, when a block takes longer than so many seconds.

It is done when the block has been left, and what it raised is raised then, unless the block itself
raised something.
"""


def never(_seconds: float, _act: Callable[[], None]) -> AbstractContextManager[None]:
    """Do nothing, however long it takes."""
    return nullcontext()


@contextmanager
def run_if_slow(seconds: float, act: Callable[[], None]) -> Generator[None]:
    """Do it in a thread, which is over when the block is: Lambda freezes whatever still runs then.

    Not by an alarm: that would interrupt the handler in the middle of a request to the same table,
    with a lock in its hand.

    Raises:
        Exception: what `act` raises.
    """
    # With the first event that needs it: over HTTP none does.
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 - see above

    is_left = Event()

    def wait() -> None:
        if not is_left.wait(seconds):
            act()

    with ThreadPoolExecutor(max_workers=1) as thread:
        # In the context of the handler: tracers, and whoever looks there, see one invocation.
        done = thread.submit(copy_context().run, wait)
        try:
            yield
        finally:
            is_left.set()
    done.result()
