"""Start-up: what is loaded stays, and is not searched for garbage while a caller waits."""

import gc
from collections.abc import Generator
from contextlib import contextmanager


@contextmanager
def gc_frozen() -> Generator[None]:
    """Load something without a search for garbage, and leave it out of all later searches."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if was_enabled:
            gc.enable()
