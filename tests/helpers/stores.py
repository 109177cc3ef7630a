"""A session store that records requests."""

from collections.abc import Callable

from aiflow.sessions.memory import InMemorySessionStore
from aiflow.sessions.record import SessionRecord, Turn


class RecordingSessionStore:
    """An in-memory store that records the name of each request."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._sessions = InMemorySessionStore(now)
        self.requests: list[str] = []

    def load(self, session_id: str) -> SessionRecord | None:
        """See `SessionStore.load`."""
        self.requests.append("load")
        return self._sessions.load(session_id)

    def commit(self, record: SessionRecord) -> None:
        """See `SessionStore.commit`."""
        self.requests.append("commit")
        self._sessions.commit(record)

    def turns(self, session_id: str) -> tuple[Turn, ...]:
        """See `SessionStore.turns`."""
        self.requests.append("turns")
        return self._sessions.turns(session_id)
