"""Watches the files of a project and of the layer for edits."""

from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread

from watchfiles import watch

from aiflow_local.stack.project import TEMPLATE

_TICK_MS = 500


@dataclass(frozen=True)
class WatchedPaths:
    """The paths to watch.

    Attributes:
        project: the folder of the template.
        functions: the folders of the functions' code.
        layer: the folder of the imported layer.
    """

    project: Path
    functions: Sequence[Path]
    layer: Path


@contextmanager
def watch_files(
    paths: WatchedPaths, reload: Callable[[], None], restart: Callable[[], None]
) -> Generator[None]:
    """Call `reload` after an edit of a function or the template, `restart` after one of the layer.

    All watchers run before the block begins, so no edit within it is missed.
    """
    stop = Event()

    def on_code(changed: set[Path]) -> None:
        in_layer = any(path.is_relative_to(paths.layer) for path in changed)
        (restart if in_layer else reload)()

    def on_project(changed: set[Path]) -> None:
        if paths.project / TEMPLATE in changed:
            reload()

    code = [*paths.functions, paths.layer]
    threads = [
        _watch(code, on_code, stop, recursive=True),
        # The folder, because many editors replace the file instead of writing to it.
        _watch([paths.project], on_project, stop, recursive=False),
    ]
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def _watch(
    folders: Sequence[Path], act: Callable[[set[Path]], None], stop: Event, *, recursive: bool
) -> Thread:
    """Start a thread that passes changed paths to `act`; return when it watches."""
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
