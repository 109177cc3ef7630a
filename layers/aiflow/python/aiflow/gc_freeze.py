"""Garbage collection during start-up: what is loaded stays, so collecting it costs time only."""

import gc
from collections.abc import Generator
from contextlib import contextmanager


@contextmanager
def gc_frozen() -> Generator[None]:
    """Run a block without garbage collection, and exempt what it leaves from later collections."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if was_enabled:
            gc.enable()
