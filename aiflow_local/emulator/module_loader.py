"""Imports the handlers of an agent, and imports them again after an edit."""

import importlib
import sys
import traceback
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from importlib.util import find_spec, module_from_spec
from itertools import dropwhile
from pathlib import Path
from types import ModuleType
from typing import Any

import aiflow
from aiflow_local.errors import CodeError
from aiflow_local.stack.template import FunctionSpec

type Handler = Callable[[Any, Any], Any]
"""`lambda_handler(event, context)`."""

HANDLER_IMPORTERS = frozenset({"aiflow.entrypoints.sweeper", "aiflow.entrypoints.webhook"})
"""The modules of the layer that import the agent's handlers, so that a reload runs them again."""

_LAYER = str(Path(aiflow.__file__).parent)
_LOCAL = str(Path(__file__).parents[1])
# Never reloaded, even if a folder beside the functions has one of these names.
_RESERVED_NAMES = sys.stdlib_module_names | {"aiflow", "aiflow_local", "tests"}


class ModuleLoader:
    """Imports the modules of one agent into this process.

    As on Lambda, the code folder of the functions is on `sys.path`. A function is a module in a
    folder below it (`user_speak.app`) or an entrypoint of the layer (`aiflow.entrypoints.webhook`).
    """

    def __init__(self) -> None:
        self._path = [*sys.path]
        self._replaced: dict[str, ModuleType] = {}
        self._names: set[str] = set()

    def load(self, project: Path, functions: Sequence[FunctionSpec]) -> Mapping[str, Handler]:
        """Import the handlers again and return them by the names of their functions.

        Raises:
            CodeError: a handler cannot be imported; the modules loaded before stay in place.
        """
        folders = code_folders(project, functions)
        sys.path[:] = [*map(str, folders), *self._path]
        names = {child.stem for folder in folders if folder.is_dir() for child in folder.iterdir()}
        new, self._names = names - self._names, self._names | names
        before = self._remove_modules()
        # A module found under a name that is new here is not the agent's: `close` restores it.
        self._replaced |= {name: m for name, m in before.items() if name.partition(".")[0] in new}
        try:
            with _without_bytecode():
                return {function.name: _load(function) for function in functions}
        except CodeError:
            self._remove_modules()
            sys.modules.update(before)
            raise

    def close(self) -> None:
        """Restore `sys.modules` and `sys.path`."""
        self._remove_modules()
        sys.modules.update(self._replaced)
        sys.path[:] = self._path

    def _remove_modules(self) -> dict[str, ModuleType]:
        """Remove the agent's modules from `sys.modules` and return them."""
        names = self._names - _RESERVED_NAMES
        removed = {name: m for name, m in sys.modules.items() if name.partition(".")[0] in names}
        for name in removed:
            del sys.modules[name]
        return removed


def code_folders(project: Path, functions: Iterable[FunctionSpec]) -> list[Path]:
    """Return the folders that hold the code of the functions."""
    return sorted({project / next(iter(function.code.parts), ".") for function in functions})


def explain(error: BaseException) -> str:
    """Format an error and its causes like Python, without the leading frames of the library."""
    report = traceback.TracebackException.from_exception(error)
    part: traceback.TracebackException | None = report
    while part:
        part.stack = traceback.StackSummary.from_list([*dropwhile(_is_internal, part.stack)])
        part = part.__cause__
    return "".join(report.format()).rstrip()


def _is_internal(frame: traceback.FrameSummary) -> bool:
    import_system = ("<frozen importlib", str(importlib.__file__))
    return frame.filename.startswith((_LAYER, _LOCAL, *import_system))


def _load(function: FunctionSpec) -> Handler:
    path, _, name = function.handler.rpartition(".")
    module_name = ".".join((*function.code.parts[1:], *path.split("/")))
    try:
        handler: Handler = getattr(_import(module_name), name)
    except (Exception, SystemExit) as error:
        # Importing the agent's code can raise anything.
        raise CodeError(f"{function.name} cannot be loaded.\n{explain(error)}") from error
    if not callable(handler):
        raise CodeError(f"{function.name} cannot be loaded: {module_name}.{name} is no function")
    return handler


def _import(name: str) -> ModuleType:
    """Import a module; run a new copy of it if it belongs to the layer and imports handlers.

    The copy stays out of `sys.modules`, so other users of the layer keep the module they imported.
    """
    spec = find_spec(name) if name in HANDLER_IMPORTERS else None
    if spec is None or spec.loader is None:
        return importlib.import_module(name)
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@contextmanager
def _without_bytecode() -> Generator[None]:
    """Write no bytecode, which would hide an edit of the same length within the same second."""
    before = sys.dont_write_bytecode
    sys.dont_write_bytecode = True
    importlib.invalidate_caches()
    try:
        yield
    finally:
        sys.dont_write_bytecode = before
