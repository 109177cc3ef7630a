"""The session store port; one contract test suite covers all implementations."""

from collections.abc import Iterator
from typing import Protocol

from aiflow.errors import AiflowError
from aiflow.sessions.record import SessionRecord, Turn


class CommitConflict(AiflowError):
    """Another invocation committed first.

    Attributes:
        current: the record as it is stored now; None if it is absent or expired.
    """

    def __init__(self, current: SessionRecord | None) -> None:
        super().__init__("another invocation committed this session first")
        self.current = current


class SessionStore(Protocol):
    """Stores one record per call and the turns that outgrew it.

    Every method may raise `StoreUnavailable`.
    """

    def load(self, session_id: str) -> SessionRecord | None:
        """Return the latest version by a consistent read; None if it is absent or expired."""
        ...

    def commit(self, record: SessionRecord, /) -> None:
        """Store a record if the version before it is still the latest.

        A write of the same invocation that was applied although its response was lost succeeds.

        Raises:
            CommitConflict: another invocation committed first; nothing was changed.
        """
        ...

    def turns(self, session_id: str) -> tuple[Turn, ...]:
        """Return all turns of the call, oldest first, including those that left the record."""
        ...


class OpenCallFinder(Protocol):
    """Finds calls that have not ended; may raise `StoreUnavailable`."""

    def open_calls(self, begun_before_ms: int) -> Iterator[str]:
        """Yield the ids of open calls whose first event is older than this, oldest first.

        The index is eventually consistent: load each call before you act on it.
        """
        ...
