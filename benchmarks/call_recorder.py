"""Record which functions run, with `sys.monitoring`."""

import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType
from typing import Self

_TOOL = sys.monitoring.PROFILER_ID
_EVENTS = sys.monitoring.events


@dataclass
class RecordedCall:
    """A call of a function, with the calls that it made.

    Attributes:
        file: path of the module, relative to its recorded folder.
        function: qualified name.
        calls: recorded calls that this one made, in order.
        times: number of equal calls in a row.
    """

    file: str
    function: str
    calls: list["RecordedCall"] = field(default_factory=list["RecordedCall"])
    times: int = 1


class CallRecorder:
    """Records calls of Python functions in this thread for as long as the block runs.

    A generator is recorded where it starts and not where it resumes. Lambdas, generator
    expressions and module bodies are not recorded. The calls that they make are, as calls of the
    function around them.

    Args:
        folders: only functions whose source is in one of these are recorded.
    """

    def __init__(self, folders: Sequence[Path]) -> None:
        self._folders = [f"{folder}/" for folder in folders]
        self._root = RecordedCall("", "")
        self._active = [self._root]
        self._thread = threading.get_ident()

    @property
    def calls(self) -> list[RecordedCall]:
        """The outermost calls; equal neighbours are collapsed into one, at every depth."""
        return _collapsed(self._root.calls)

    def __enter__(self) -> Self:
        callbacks: dict[int, Callable[..., None]] = {
            _EVENTS.PY_START: self._start,
            _EVENTS.PY_RESUME: self._resume,
            _EVENTS.PY_THROW: self._resume,
            _EVENTS.PY_RETURN: self._leave,
            _EVENTS.PY_YIELD: self._leave,
            _EVENTS.PY_UNWIND: self._leave,
        }
        sys.monitoring.use_tool_id(_TOOL, "aiflow trace")
        for event, callback in callbacks.items():
            sys.monitoring.register_callback(_TOOL, event, callback)
        sys.monitoring.set_events(_TOOL, sum(callbacks))
        return self

    def __exit__(self, *_: object) -> None:
        sys.monitoring.set_events(_TOOL, _EVENTS.NO_EVENTS)
        sys.monitoring.free_tool_id(_TOOL)

    def _start(self, code: CodeType, _offset: int) -> None:
        file = self._file(code)
        if file is None:
            return
        call = self._active[-1]
        if not code.co_name.startswith("<"):
            call = RecordedCall(file, code.co_qualname)
            self._active[-1].calls.append(call)
        self._active.append(call)

    def _resume(self, code: CodeType, *_: object) -> None:
        if self._file(code) is not None:
            self._active.append(self._active[-1])

    def _leave(self, code: CodeType, *_: object) -> None:
        # The first frame to leave may be the one that entered the block.
        if self._file(code) is not None and len(self._active) > 1:
            self._active.pop()

    def _file(self, code: CodeType) -> str | None:
        """Return the relative path of the source; None if it is not to be recorded."""
        if threading.get_ident() != self._thread:
            return None
        path = code.co_filename
        return next(
            (path.removeprefix(folder) for folder in self._folders if path.startswith(folder)), None
        )


def flattened(calls: Sequence[RecordedCall], depth: int = 0) -> Iterator[tuple[int, RecordedCall]]:
    """Yield each call with its depth, in order."""
    for call in calls:
        yield depth, call
        yield from flattened(call.calls, depth + 1)


def _collapsed(calls: Sequence[RecordedCall]) -> list[RecordedCall]:
    collapsed: list[RecordedCall] = []
    for call in calls:
        new = RecordedCall(call.file, call.function, _collapsed(call.calls))
        last = collapsed[-1] if collapsed else None
        if last and (last.file, last.function, last.calls) == (new.file, new.function, new.calls):
            last.times += 1
        else:
            collapsed.append(new)
    return collapsed
