"""The port: what the runtime asks of a place that keeps sessions; one contract suite for all."""

from collections.abc import Iterator
from typing import Protocol

from aiflow.errors import AiflowError
from aiflow.sessions.record import SessionRecord, Turn


class CommitConflict(AiflowError):
    """Somebody else committed first.

    Attributes:
        current: the item as it stands now; None when it is gone or expired.
    """

    def __init__(self, current: SessionRecord | None) -> None:
        super().__init__("another invocation committed this session first")
        self.current = current


class SessionStore(Protocol):
    """One item per call, and the turns that outgrew it; may always raise `StoreUnavailable`."""

    def load(self, session_id: str) -> SessionRecord | None:
        """Return the latest version, read consistently; None if there is none or it expired."""
        ...

    def commit(self, item: SessionRecord) -> None:
        """Store `item` if the version before it is still the latest: the commit point of an event.

        A write of our own that was applied although its answer was lost counts as done.

        Raises:
            CommitConflict: another writer was first; nothing was changed.
        """
        ...

    def turns(self, session_id: str) -> tuple[Turn, ...]:
        """Return all turns of the call, oldest first, those that left the item included."""
        ...


class OpenCallFinder(Protocol):
    """Where calls are found that have not ended; may always raise `StoreUnavailable`."""

    def open_calls(self, begun_before_ms: int) -> Iterator[str]:
        """Return the ids of calls that began before that and have not ended, oldest first.

        It may be a moment behind: load what it names before you believe it.
        """
        ...
