"""Between items and what a store keeps: flat attributes, each text or a whole number.

Everything structured is JSON text: a store that types its values would refuse a float, 39 digits or
deep nesting, and text it takes. `schema` tells later versions of this code what they look at.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from aiflow.sessions.record import Delivery, SessionItem, Status, Turn, as_json

SCHEMA = 1

type Attributes = Mapping[str, str | int]
"""What an item consists of in a store, its key aside."""

ABSENT: Attributes = {
    "connection": "",
    "speaking": "",
    "turns_taken": 0,
    "sms_sent": 0,
    "transfers_made": 0,
    "closing": 0,
    "apologies": 0,
    "interruptions": 0,
    "silences": 0,
    "written_at_ms": 0,
}
"""What an attribute that is not there stands for: nothing of it yet, or an older item."""


def item_attributes(item: SessionItem) -> dict[str, str | int]:
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
        "deliveries": as_json([_kept(delivery) for delivery in item.deliveries]),
        "ledger": as_json(item.ledger),
        "followers": as_json(item.followers),
        "playing": item.playing,
        "playing_until_ms": item.playing_until_ms,
        "connection": item.connection,
        "speaking": item.speaking,
        "begun_at_ms": item.begun_at_ms,
        "turns_taken": item.turns_taken,
        "sms_sent": item.sms_sent,
        "transfers_made": item.transfers_made,
        "closing": int(item.closing),
        "apologies": item.apologies,
        "interruptions": item.interruptions,
        "silences": item.silences,
        "written_at_ms": item.written_at_ms,
    }


def item_from(session_id: str, attributes: Attributes) -> SessionItem:
    """Read a session item back."""
    attributes = {**ABSENT, **attributes}

    def parsed(name: str) -> Any:  # noqa: ANN401 - JSON
        return json.loads(str(attributes[name]))

    return SessionItem(
        session_id=session_id,
        version=int(attributes["version"]),
        writers=tuple(parsed("writers")),
        status=Status(str(attributes["status"])),
        started=bool(attributes["started"]),
        expires_at=int(attributes["expires_at"]),
        session=parsed("session"),
        state=parsed("state"),
        turns=turns_from(str(attributes["turns"])),
        deliveries=tuple(_delivery(kept) for kept in parsed("deliveries")),
        ledger=tuple(parsed("ledger")),
        followers=tuple(parsed("followers")),
        playing=int(attributes["playing"]),
        playing_until_ms=int(attributes["playing_until_ms"]),
        connection=str(attributes["connection"]),
        speaking=str(attributes["speaking"]),
        begun_at_ms=int(attributes.get("begun_at_ms", 0)),
        turns_taken=int(attributes["turns_taken"]),
        sms_sent=int(attributes["sms_sent"]),
        transfers_made=int(attributes["transfers_made"]),
        closing=bool(attributes["closing"]),
        apologies=int(attributes["apologies"]),
        interruptions=int(attributes["interruptions"]),
        silences=int(attributes["silences"]),
        written_at_ms=int(attributes["written_at_ms"]),
    )


def turns_text(turns: Iterable[Turn]) -> str:
    """Write turns, each as [number, role, text]."""
    return as_json([*turns])


def turns_from(text: str) -> tuple[Turn, ...]:
    """Read turns back."""
    return tuple(map(Turn._make, json.loads(text)))


def _kept(delivery: Delivery) -> dict[str, object]:
    # By hand: `asdict` copies the whole answer first.
    return {
        "fingerprint": delivery.fingerprint,
        "answered_at_ms": delivery.answered_at_ms,
        "answer": delivery.answer,
    }


def _delivery(kept: dict[str, Any]) -> Delivery:
    answer = kept["answer"]
    return Delivery(
        kept["fingerprint"], kept["answered_at_ms"], None if answer is None else tuple(answer)
    )
