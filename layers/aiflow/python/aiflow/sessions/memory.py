"""Sessions in the memory of one process: for tests, the phone and the simulation."""

from collections.abc import Callable, Iterator
from threading import Lock

from aiflow.sessions.codec import Attributes, from_attributes, to_attributes
from aiflow.sessions.record import SessionRecord, Status, Turn
from aiflow.sessions.store import CommitConflict


class InMemorySessionStore:
    """A `SessionStore` that keeps what a table would, and forgets it with the process.

    Args:
        now: the clock, Unix time in seconds.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._items: dict[str, dict[str, str | int]] = {}
        self._spilled: dict[str, dict[int, tuple[int, Turn]]] = {}
        self._lock = Lock()

    def load(self, session_id: str) -> SessionRecord | None:
        """See `SessionStore.load`."""
        kept = self._live(session_id)
        return from_attributes(session_id, kept) if kept else None

    def commit(self, item: SessionRecord) -> None:
        """See `SessionStore.commit`."""
        leaving, kept = item.spill()
        with self._lock:
            current = self._live(item.session_id)
            if (current["version"] if current else 0) != item.version - 1:
                found = from_attributes(item.session_id, current) if current else None
                if found and found.written_by(item.writers[-1], item.version):
                    return
                raise CommitConflict(found)
            spilled = self._spilled.setdefault(item.session_id, {})
            spilled.update({turn.number: (item.expires_at, turn) for turn in leaving})
            self._items[item.session_id] = to_attributes(kept)

    def open_calls(self, begun_before_ms: int) -> Iterator[str]:
        """See `OpenCalls.open_calls`."""
        with self._lock:
            open_since = sorted(
                (int(kept["first_event_at_ms"]), session_id)
                for session_id, kept in self._items.items()
                if kept["status"] != Status.ENDED and self._live(session_id)
            )
        yield from (session_id for begun, session_id in open_since if begun < begun_before_ms)

    def _live(self, session_id: str) -> Attributes | None:
        kept = self._items.get(session_id)
        return kept if kept and int(kept["expires_at"]) > self._now() else None

    def turns(self, session_id: str) -> tuple[Turn, ...]:
        """See `SessionStore.turns`."""
        item = self.load(session_id)
        live = [
            turn
            for until, turn in self._spilled.get(session_id, {}).values()
            if until > self._now()
        ]
        return tuple(sorted([*live, *(item.turns if item else ())], key=lambda turn: turn.number))
