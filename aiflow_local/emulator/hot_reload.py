"""Sees edits: of the functions and the template, and of the layer."""

from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread

from watchfiles import watch

from aiflow_local.stack.project import TEMPLATE

_TICK_MS = 500


@dataclass(frozen=True)
class Watched:
    """What is watched.

    Attributes:
        project: the folder of the template.
        functions: the folders of the functions' code.
        layer: the folder of the layer, as it is imported.
    """

    project: Path
    functions: Sequence[Path]
    layer: Path


@contextmanager
def watching(
    watched: Watched, reload: Callable[[], None], restart: Callable[[], None]
) -> Generator[None]:
    """Call `reload` after an edit of a function or the template, `restart` after one of the layer.

    The block begins when nothing can be missed any more.
    """
    stop = Event()

    def on_code(changed: set[Path]) -> None:
        in_layer = any(path.is_relative_to(watched.layer) for path in changed)
        (restart if in_layer else reload)()

    def on_project(changed: set[Path]) -> None:
        if watched.project / TEMPLATE in changed:
            reload()

    code = [*watched.functions, watched.layer]
    threads = [
        _follow(code, on_code, stop, recursive=True),
        # Its folder, since many editors put a new file in the place of the old one.
        _follow([watched.project], on_project, stop, recursive=False),
    ]
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def _follow(
    folders: Sequence[Path], act: Callable[[set[Path]], None], stop: Event, *, recursive: bool
) -> Thread:
    ready = Event()

    def run() -> None:
        for changes in watch(
            *folders,
            stop_event=stop,
            recursive=recursive,
            rust_timeout=_TICK_MS,
            yield_on_timeout=True,
            ignore_permission_denied=True,
        ):
            ready.set()
            if changes:
                act({Path(path) for _, path in changes})

    thread = Thread(target=run, daemon=True)
    thread.start()
    ready.wait()
    return thread
