"""Stores that watch, or that fail on purpose."""

from collections.abc import Callable

from aiflow.sessions.memory import InMemorySessions
from aiflow.sessions.model import SessionItem, Turn


class WatchedSessions(InMemorySessions):
    """Sessions in memory that note whatever is asked of them."""

    def __init__(self, now: Callable[[], float]) -> None:
        super().__init__(now)
        self.touched: list[str] = []

    def load(self, session_id: str) -> SessionItem | None:
        """See `SessionStore.load`."""
        self.touched.append("load")
        return super().load(session_id)

    def commit(self, item: SessionItem) -> None:
        """See `SessionStore.commit`."""
        self.touched.append("commit")
        super().commit(item)

    def turns(self, session_id: str) -> tuple[Turn, ...]:
        """See `SessionStore.turns`."""
        self.touched.append("turns")
        return super().turns(session_id)
