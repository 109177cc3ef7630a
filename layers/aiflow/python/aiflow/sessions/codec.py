"""Between items and what a store keeps: flat attributes, each text or a whole number.

Everything structured is JSON text: a store that types its values would refuse a float, 39 digits or
deep nesting, and text it takes. `schema` tells later versions of this code what they look at.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from aiflow.sessions.record import ProcessedEvent, SessionRecord, Status, Turn, as_json

SCHEMA = 1

type Attributes = Mapping[str, str | int]
"""What an item consists of in a store, its key aside."""

ABSENT: Attributes = {
    "connection_id": "",
    "stream_owner": "",
    "caller_turns": 0,
    "sms_sent": 0,
    "transfers_made": 0,
    "closing": 0,
    "consecutive_failures": 0,
    "interruptions": 0,
    "input_timeouts": 0,
    "committed_at_ms": 0,
}
"""What an attribute that is not there stands for: nothing of it yet, or an older item."""


def to_attributes(item: SessionRecord) -> dict[str, str | int]:
    """Return the attributes of a session item; those of `ABSENT` may be left out."""
    return {
        "schema": SCHEMA,
        "version": item.version,
        "writers": as_json(item.writers),
        "status": item.status.value,
        "started": int(item.started),
        "expires_at": item.expires_at,
        "session": as_json(item.session),
        "state": as_json(item.state),
        "turns": turns_text(item.turns),
        "processed_events": as_json([_kept(delivery) for delivery in item.processed_events]),
        "billable_keys": as_json(item.billable_keys),
        "deferred_actions": as_json(item.deferred_actions),
        "open_playbacks": item.open_playbacks,
        "playback_end_ms": item.playback_end_ms,
        "connection_id": item.connection_id,
        "stream_owner": item.stream_owner,
        "first_event_at_ms": item.first_event_at_ms,
        "caller_turns": item.caller_turns,
        "sms_sent": item.sms_sent,
        "transfers_made": item.transfers_made,
        "closing": int(item.closing),
        "consecutive_failures": item.consecutive_failures,
        "interruptions": item.interruptions,
        "input_timeouts": item.input_timeouts,
        "committed_at_ms": item.committed_at_ms,
    }


def from_attributes(session_id: str, attributes: Attributes) -> SessionRecord:
    """Read a session item back."""
    attributes = {**ABSENT, **attributes}

    def parsed(name: str) -> Any:  # noqa: ANN401 - JSON
        return json.loads(str(attributes[name]))

    return SessionRecord(
        session_id=session_id,
        version=int(attributes["version"]),
        writers=tuple(parsed("writers")),
        status=Status(str(attributes["status"])),
        started=bool(attributes["started"]),
        expires_at=int(attributes["expires_at"]),
        session=parsed("session"),
        state=parsed("state"),
        turns=turns_from(str(attributes["turns"])),
        processed_events=tuple(_delivery(kept) for kept in parsed("processed_events")),
        billable_keys=tuple(parsed("billable_keys")),
        deferred_actions=tuple(parsed("deferred_actions")),
        open_playbacks=int(attributes["open_playbacks"]),
        playback_end_ms=int(attributes["playback_end_ms"]),
        connection_id=str(attributes["connection_id"]),
        stream_owner=str(attributes["stream_owner"]),
        first_event_at_ms=int(attributes.get("first_event_at_ms", 0)),
        caller_turns=int(attributes["caller_turns"]),
        sms_sent=int(attributes["sms_sent"]),
        transfers_made=int(attributes["transfers_made"]),
        closing=bool(attributes["closing"]),
        consecutive_failures=int(attributes["consecutive_failures"]),
        interruptions=int(attributes["interruptions"]),
        input_timeouts=int(attributes["input_timeouts"]),
        committed_at_ms=int(attributes["committed_at_ms"]),
    )


def turns_text(turns: Iterable[Turn]) -> str:
    """Write turns, each as [number, role, text]."""
    return as_json([*turns])


def turns_from(text: str) -> tuple[Turn, ...]:
    """Read turns back."""
    return tuple(map(Turn._make, json.loads(text)))


def _kept(delivery: ProcessedEvent) -> dict[str, object]:
    # By hand: `asdict` copies the whole answer first.
    return {
        "fingerprint": delivery.fingerprint,
        "answered_at_ms": delivery.answered_at_ms,
        "answer": delivery.answer,
    }


def _delivery(kept: dict[str, Any]) -> ProcessedEvent:
    answer = kept["answer"]
    return ProcessedEvent(
        kept["fingerprint"], kept["answered_at_ms"], None if answer is None else tuple(answer)
    )
