"""Stores that watch what is asked of them."""

from collections.abc import Callable

from aiflow.sessions.memory import InMemorySessionStore
from aiflow.sessions.record import SessionRecord, Turn


class WatchedSessions:
    """Sessions in memory that note whatever is asked of them."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._sessions = InMemorySessionStore(now)
        self.touched: list[str] = []

    def load(self, session_id: str) -> SessionRecord | None:
        """See `SessionStore.load`."""
        self.touched.append("load")
        return self._sessions.load(session_id)

    def commit(self, item: SessionRecord) -> None:
        """See `SessionStore.commit`."""
        self.touched.append("commit")
        self._sessions.commit(item)

    def turns(self, session_id: str) -> tuple[Turn, ...]:
        """See `SessionStore.turns`."""
        self.touched.append("turns")
        return self._sessions.turns(session_id)
