"""Deduplication of events: the protocol has no delivery id, and requests may be repeated.

Why each rule is as it is: docs/protocol-notes.md.
"""

import hmac
from collections.abc import Sequence
from copy import replace
from hashlib import sha256

from aiflow.domain.billable_actions import without_billable
from aiflow.protocol.events import Event, SessionStart, SmsFailed, UserInputTimeout, UserSpeak
from aiflow.protocol.types import JsonObject
from aiflow.sessions.record import ProcessedEvent, SessionRecord, Status

REPEAT_WINDOW_MS = 600
"""How long after its answer the same sentence counts as a repetition."""
_FINGERPRINT_DIGITS = 16


def fingerprint(event: Event, key: bytes = b"") -> str | None:
    """Return what a repeated delivery has in common with `event`; None if each one counts.

    A key that is pressed twice is two keys, and each end of a playback is its own. With a `key`,
    the fingerprint reveals neither the words nor whether they were said in another call.
    """
    same: tuple[str, ...]
    match event:
        case UserSpeak(text=text) if text.strip():
            same = (event.type, text)
        case SmsFailed(reason=reason):
            same = (event.type, reason)
        case SessionStart() | UserInputTimeout():
            same = (event.type,)
        case _:
            return None
    if not key:
        return sha256("\0".join(same).encode()).hexdigest()[:_FINGERPRINT_DIGITS]
    of_this_call = "\0".join((event.session.id, *same)).encode()
    return hmac.digest(key, of_this_call, "sha256").hex()[:_FINGERPRINT_DIGITS]


def find_duplicate(
    record: SessionRecord,
    event: Event,
    arrived_at_ms: int,
    key: bytes = b"",
    handler_timeout_ms: int = 0,
) -> ProcessedEvent | None:
    """Return the processed event that `event` repeats, if any.

    The same words count as a repetition while the first ones are unanswered and for 0.6 s after
    their answer: "yes", "yes" are two turns. A `session_start` repeats the first one unless a
    transfer is under way.

    Args:
        record: of the call.
        event: that has arrived.
        arrived_at_ms: Unix time of its arrival.
        key: of the fingerprints.
        handler_timeout_ms: how long a streamed answer may take for its next chunk.
    """
    mark = fingerprint(event, key)
    if mark is None:
        return None
    known = _latest_with(record, mark)
    if isinstance(event, SessionStart):
        if not record.started or record.status is Status.TRANSFERRING:
            return None
        # Once the call went on, the caller has heard the greeting.
        is_latest = known and known is record.processed_events[-1]
        return known if is_latest else ProcessedEvent(mark, arrived_at_ms, ())
    if known is None:
        return None
    is_unanswered = bool(record.stream_owner) and known is record.processed_events[-1]
    window_ms = REPEAT_WINDOW_MS + (handler_timeout_ms if is_unanswered else 0)
    return known if arrived_at_ms - known.answered_at_ms <= window_ms else None


def record_answer(
    record: SessionRecord,
    event: Event,
    actions: Sequence[JsonObject],
    now_ms: int,
    key: bytes = b"",
) -> SessionRecord:
    """Return the record with the answer to `event`; a repetition gets it without billable ones."""
    mark = fingerprint(event, key)
    if mark is None:
        return record
    processed = ProcessedEvent(mark, now_ms, without_billable(actions))
    return replace(record, processed_events=(*record.processed_events, processed))


def extend_answer(
    record: SessionRecord,
    event: Event,
    actions: Sequence[JsonObject],
    now_ms: int,
    key: bytes = b"",
) -> SessionRecord:
    """Return the record with a further chunk of the answer to `event`."""
    mark = fingerprint(event, key)
    known = None if mark is None else _latest_with(record, mark)
    if known is None:
        return record
    answer = None if known.answer is None else known.answer + without_billable(actions)
    longer = known._replace(answered_at_ms=now_ms, answer=answer)
    events = (longer if event is known else event for event in record.processed_events)
    return replace(record, processed_events=tuple(events))


def _latest_with(record: SessionRecord, mark: str) -> ProcessedEvent | None:
    same = (event for event in reversed(record.processed_events) if event.fingerprint == mark)
    return next(same, None)
