"""Meanwhile: what is done while a handler still thinks."""

from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from threading import Event, Thread

Meanwhile = Callable[[float, Callable[[], None]], AbstractContextManager[None]]
"""Does something, once, when a block takes longer than so many seconds.

It is done when the block has been left, and what it raised is raised then, unless the block itself
raised something.
"""


def never(_seconds: float, _act: Callable[[], None]) -> AbstractContextManager[None]:
    """Do nothing, however long it takes."""
    return nullcontext()


@contextmanager
def in_background(seconds: float, act: Callable[[], None]) -> Generator[None]:
    """Do it in a thread, which is over when the block is: Lambda freezes whatever still runs then.

    Not by an alarm: that would interrupt the handler in the middle of a request to the same table,
    with a lock in its hand.

    Raises:
        Exception: what `act` raises.
    """
    is_left, errors = Event(), list[Exception]()

    def wait() -> None:
        if is_left.wait(seconds):
            return
        try:
            act()
        except Exception as error:  # noqa: BLE001 - it belongs to whoever waits
            errors.append(error)

    thread = Thread(target=wait, daemon=True)
    thread.start()
    try:
        yield
    finally:
        is_left.set()
        thread.join()
    if errors:
        raise errors[0]
