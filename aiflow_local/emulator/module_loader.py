"""The code of the functions: imported, and imported anew after an edit."""

import importlib
import sys
import traceback
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from itertools import dropwhile
from pathlib import Path
from types import ModuleType
from typing import Any

import aiflow
from aiflow_local.errors import CodeError
from aiflow_local.stack.template import FunctionSpec

type Handler = Callable[[Any, Any], Any]
"""`lambda_handler(event, context)`."""

_LAYER = str(Path(aiflow.__file__).parent)
_LOCAL = str(Path(__file__).parents[1])
# Nothing of an agent, even where a folder beside its functions has the same name.
_NOT_OF_AGENTS = sys.stdlib_module_names | {"aiflow", "aiflow_local", "tests"}


class Code:
    """The modules of an agent in this process.

    A function is the module `<folder>.<module>` under the folder that holds all functions; by this
    name the front door imports its siblings, too. As on Lambda that folder is on `sys.path`.
    """

    def __init__(self) -> None:
        self._path = [*sys.path]
        self._replaced: dict[str, ModuleType] = {}
        self._names: set[str] = set()

    def load(self, project: Path, functions: Sequence[FunctionSpec]) -> Mapping[str, Handler]:
        """Import the handlers anew and return them by the names of their functions.

        Raises:
            CodeError: one of them cannot be imported; then all modules stay as they were.
        """
        roots = {project / _root(function) for function in functions}
        sys.path[:] = [*map(str, roots), *self._path]
        names = {child.stem for root in roots if root.is_dir() for child in root.iterdir()}
        new, self._names = names - self._names, self._names | names
        before = self._take_out()
        # Of a name that was known, it is what was loaded before an edit, and not what was found.
        self._replaced |= {name: m for name, m in before.items() if name.partition(".")[0] in new}
        try:
            with _from_source():
                return {function.name: _load(function) for function in functions}
        except CodeError:
            self._take_out()
            sys.modules.update(before)
            raise

    def close(self) -> None:
        """Leave `sys.modules` and `sys.path` as they were found."""
        self._take_out()
        sys.modules.update(self._replaced)
        sys.path[:] = self._path

    def _take_out(self) -> dict[str, ModuleType]:
        own = self._names - _NOT_OF_AGENTS
        mine = {name: m for name, m in sys.modules.items() if name.partition(".")[0] in own}
        for name in mine:
            del sys.modules[name]
        return mine


def explain(error: BaseException) -> str:
    """Write an error as Python does, from the agent's own code on."""
    report = traceback.TracebackException.from_exception(error)
    report.stack = traceback.StackSummary.from_list([*dropwhile(_is_ours, report.stack)])
    return "".join(report.format()).rstrip()


def _is_ours(frame: traceback.FrameSummary) -> bool:
    machinery = ("<frozen importlib", str(importlib.__file__))
    return frame.filename.startswith((_LAYER, _LOCAL, *machinery))


def _root(function: FunctionSpec) -> str:
    return next(iter(function.code.parts), ".")


def _load(function: FunctionSpec) -> Handler:
    module_name, _, name = function.handler.rpartition(".")
    module_name = ".".join((*function.code.parts[1:], *module_name.split("/")))
    try:
        handler: Handler = getattr(importlib.import_module(module_name), name)
    except (Exception, SystemExit) as error:
        # An agent's code may raise anything.
        raise CodeError(f"{function.name} cannot be loaded.\n{explain(error)}") from error
    if not callable(handler):
        raise CodeError(f"{function.name} cannot be loaded: {module_name}.{name} is no function")
    return handler


@contextmanager
def _from_source() -> Generator[None]:
    """Believe no cache: bytecode hides an edit of the same length within the same second."""
    before = sys.dont_write_bytecode
    sys.dont_write_bytecode = True
    importlib.invalidate_caches()
    try:
        yield
    finally:
        sys.dont_write_bytecode = before


def folders(project: Path, functions: Iterable[FunctionSpec]) -> list[Path]:
    """Return the folders that hold the code of the functions."""
    return sorted({project / _root(function) for function in functions})
