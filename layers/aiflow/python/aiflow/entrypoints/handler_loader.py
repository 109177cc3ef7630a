"""Loads the handlers of `functions/`, which the layer knows only by name."""

from collections.abc import Callable
from importlib import import_module

from aiflow.call import Reply
from aiflow.errors import HandlerLoadError


def load_handler(event_type: str) -> Callable[..., Reply]:
    """Import `<event_type>.app` and return its `handle` function.

    Raises:
        HandlerLoadError: the module is missing, fails with an `ImportError`, or has no handler. Any
            other error of the module is raised as it is, so that the log names its line.
    """
    name = f"{event_type}.app"
    try:
        module = import_module(name)
    except ImportError as error:
        # Lambda reports an ImportError under the name of the entrypoint, which is not at fault.
        raise HandlerLoadError(f"{name} cannot be imported: {error}") from error
    handle: Callable[..., Reply] | None = getattr(module, "handle", None)
    if not callable(handle):
        raise HandlerLoadError(f"{name} has no handler: define `handle(event, call)` in it")
    return handle
