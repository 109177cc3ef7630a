"""The deadline of a handler that runs in a thread, which cannot be interrupted."""

import time
from collections.abc import Callable, Generator
from contextlib import contextmanager

from aiflow.errors import DeadlineExceeded
from aiflow_local.emulator.module_loader import explain


@contextmanager
def enforce_deadline(seconds: float, on_error: Callable[[str], None]) -> Generator[None]:
    """Reject the answer of a handler that exceeds its deadline; report what the handler raises.

    Lambda interrupts a handler at its deadline. A thread cannot be interrupted: here the deadline
    is checked after the handler returns, and the caller hears the apology only then.

    Args:
        seconds: The time that the handler has.
        on_error: Called with the traceback of an exception.

    Raises:
        DeadlineExceeded: The handler took too long.
    """
    begun = time.monotonic()
    if seconds > 0:
        try:
            yield
        except Exception as error:
            on_error(explain(error))
            raise
    if time.monotonic() - begun >= seconds:
        raise DeadlineExceeded(f"the handler exceeded its deadline of {seconds:.1f} s")
