"""The time that a handler has, on a machine that cannot stop one."""

import time
from collections.abc import Callable, Generator
from contextlib import contextmanager

from aiflow.errors import DeadlineExceeded
from aiflow_local.emulator.module_loader import explain


@contextmanager
def late_is_too_late(seconds: float, complain: Callable[[str], None]) -> Generator[None]:
    """Refuse what a handler says after its time; tell the developer what it raised.

    Lambda interrupts a handler at its deadline. A thread cannot be interrupted: here the apology
    comes when the handler is done, instead of what it said.

    Raises:
        DeadlineExceeded: the handler took longer than it has.
    """
    begun = time.monotonic()
    if seconds > 0:
        try:
            yield
        except Exception as error:
            complain(explain(error))
            raise
    if time.monotonic() - begun >= seconds:
        raise DeadlineExceeded(f"the handler took longer than the {seconds:.1f} s that it has")
