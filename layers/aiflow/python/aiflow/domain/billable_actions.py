"""Billable actions: which actions cost money, and how each is sent once.

An idempotency key in the record says that an action was decided. A key is added with the commit
that precedes the action, and removed only when the service reports that the action failed.
"""

from collections.abc import Sequence
from copy import replace
from hashlib import sha256

from aiflow.protocol import json_codec
from aiflow.protocol.types import JsonObject
from aiflow.sessions.record import SessionRecord

BILLABLE = frozenset({"send_sms", "transfer"})
ONCE_MEMBER = "aiflow:once"
"""The internal member with the name that `call.once` gave to an action; it is never sent."""
_KEY_DIGITS = 16


def idempotency_key(action: JsonObject) -> str:
    """Return the key of a billable action: its type, and a digest of its name or content."""
    same = (
        ("once", str(action[ONCE_MEMBER]))
        if ONCE_MEMBER in action
        else (json_codec.encode(action),)
    )
    digest = sha256("\0".join(same).encode()).hexdigest()[:_KEY_DIGITS]
    return f"{action['type']}:{digest}"


def used_count(record: SessionRecord, kind: str) -> int:
    """Return how many actions of a billable type were decided in this call."""
    counted = record.sms_sent if kind == "send_sms" else record.transfers_made
    # The counters may be missing in a record that an earlier version of this code wrote.
    return max(counted, sum(key.startswith(f"{kind}:") for key in record.billable_keys))


def record_billable(record: SessionRecord, actions: Sequence[JsonObject]) -> SessionRecord:
    """Return the record with the keys and counters of `actions`."""
    types = [action["type"] for action in actions]
    keys = tuple(idempotency_key(action) for action in actions if action["type"] in BILLABLE)
    return replace(
        record,
        billable_keys=record.billable_keys + keys,
        sms_sent=used_count(record, "send_sms") + types.count("send_sms"),
        transfers_made=used_count(record, "transfer") + types.count("transfer"),
    )


def allow_retry(record: SessionRecord, kind: str) -> SessionRecord:
    """Remove the latest key of a type: the action failed and may be sent again."""
    keys = record.billable_keys
    latest = next((key for key in reversed(keys) if key.startswith(f"{kind}:")), None)
    return replace(record, billable_keys=tuple(key for key in keys if key != latest))


def without_billable(actions: Sequence[JsonObject]) -> tuple[JsonObject, ...]:
    """Return the actions that cost nothing."""
    return tuple(action for action in actions if action["type"] not in BILLABLE)


def strip_internal_members(action: JsonObject) -> JsonObject:
    """Return an action as it is sent, without the name that `call.once` gave it."""
    return {member: value for member, value in action.items() if member != ONCE_MEMBER}
