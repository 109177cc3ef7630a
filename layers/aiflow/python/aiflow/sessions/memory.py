"""A session store in the memory of one process: for tests and the simulator."""

from collections.abc import Callable, Iterator
from threading import Lock

from aiflow.sessions.codec import Attributes, to_attributes
from aiflow.sessions.record import SessionRecord, Status, Turn
from aiflow.sessions.store import CommitConflict


class InMemorySessionStore:
    """A `SessionStore` with the semantics of the DynamoDB store.

    Args:
        now: the clock, Unix time in seconds.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._records: dict[str, dict[str, str | int]] = {}
        self._overflow: dict[str, dict[int, tuple[int, Turn]]] = {}
        self._lock = Lock()

    def load(self, session_id: str) -> SessionRecord | None:
        """See `SessionStore.load`."""
        return self._current(session_id)

    def commit(self, record: SessionRecord) -> None:
        """See `SessionStore.commit`."""
        leaving, kept = record.split_overflow()
        with self._lock:
            stored = self._live(record.session_id)
            if (stored["version"] if stored else 0) != record.version - 1:
                current = self._current(record.session_id)
                if current and current.written_by(record.writers[-1], record.version):
                    return
                raise CommitConflict(current)
            overflow = self._overflow.setdefault(record.session_id, {})
            overflow.update({turn.number: (record.expires_at, turn) for turn in leaving})
            self._records[record.session_id] = to_attributes(kept)

    def turns(self, session_id: str) -> tuple[Turn, ...]:
        """See `SessionStore.turns`."""
        record = self._current(session_id)
        live = [
            turn
            for expires_at, turn in self._overflow.get(session_id, {}).values()
            if expires_at > self._now()
        ]
        return tuple(sorted([*live, *(record.turns if record else ())], key=lambda t: t.number))

    def open_calls(self, begun_before_ms: int) -> Iterator[str]:
        """See `OpenCallFinder.open_calls`."""
        with self._lock:
            open_since = sorted(
                (int(attributes["first_event_at_ms"]), session_id)
                for session_id, attributes in self._records.items()
                if attributes["status"] != Status.ENDED and self._live(session_id)
            )
        yield from (session_id for begun, session_id in open_since if begun < begun_before_ms)

    def _current(self, session_id: str) -> SessionRecord | None:
        attributes = self._live(session_id)
        return SessionRecord.from_attributes(session_id, attributes) if attributes else None

    def _live(self, session_id: str) -> Attributes | None:
        attributes = self._records.get(session_id)
        return attributes if attributes and int(attributes["expires_at"]) > self._now() else None
