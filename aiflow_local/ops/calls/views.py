"""JSON views of a call; texts and numbers are masked unless revealed."""

from collections import Counter
from datetime import UTC, datetime

from aiflow.protocol.types import JsonObject, JsonValue
from aiflow.sessions.codec import as_json
from aiflow.sessions.record import SessionRecord, Status, Turn
from aiflow_local.ops.calls.phone_numbers import agent_number, display_number, remote_party
from aiflow_local.ops.calls.table import StoredCall, is_erased


def status_of(item: SessionRecord, now: float) -> str:
    """Return the status of a call, or `erased` or `expired`."""
    if is_erased(item):
        return "erased"
    return "expired" if item.expires_at <= now else item.status.value


def summary(item: SessionRecord, now: float, *, is_revealed: bool = False) -> JsonObject:
    """Return the view of a call that `aiflow calls list` shows.

    Args:
        item: The session record of the call.
        now: Unix time in seconds.
        is_revealed: Whether to show full phone numbers.
    """
    direction = item.session.get("direction")
    return {
        "session_id": item.session_id,
        "status": status_of(item, now),
        "begun_at": iso_time(item.first_event_at_ms / 1000) if item.first_event_at_ms else None,
        "seconds": _seconds(item, now),
        "turns": item.caller_turns,
        "direction": direction if isinstance(direction, str) else None,
        "caller": display_number(remote_party(item.session), is_revealed=is_revealed),
    }


def details(call: StoredCall, now: float, *, is_revealed: bool) -> JsonObject:
    """Return the view of a call that `aiflow calls show` shows; see `summary`."""
    item = call.item
    decided = Counter(entry.partition(":")[0] for entry in item.billable_keys)
    return {
        **summary(item, now, is_revealed=is_revealed),
        "own_number": display_number(agent_number(item.session), is_revealed=is_revealed),
        "expires_at": iso_time(item.expires_at),
        "used": {
            "turns": item.caller_turns,
            "sms": item.sms_sent,
            "transfers": item.transfers_made,
            "interruptions": item.interruptions,
            "silences": item.input_timeouts,
            "apologies_in_a_row": item.consecutive_failures,
        },
        "decided": dict(sorted(decided.items())),
        "waiting": [
            action if is_revealed else str(action.get("type")) for action in item.deferred_actions
        ],
        **({"state": item.state} if is_revealed else {"state_size": _size(item.state)}),
        "said": [_turn(turn, is_revealed=is_revealed) for turn in call.turns],
    }


def iso_time(seconds: float) -> str:
    """Format Unix time as ISO 8601, to the second."""
    return datetime.fromtimestamp(int(seconds), UTC).isoformat().replace("+00:00", "Z")


def _seconds(item: SessionRecord, now: float) -> int | None:
    if not item.first_event_at_ms:
        return None
    is_over = item.status is Status.ENDED or item.expires_at <= now
    until_ms = item.committed_at_ms if is_over else int(now * 1000)
    # Clocks of Lambda instances and of this machine may differ.
    return max(0, until_ms - item.first_event_at_ms) // 1000


def _size(state: JsonObject) -> JsonObject:
    # Member names are not shown, since handlers may derive them from what the caller said.
    return {"members": len(state), "bytes": len(as_json(state).encode())}


def _turn(turn: Turn, *, is_revealed: bool) -> dict[str, JsonValue]:
    text: dict[str, JsonValue] = (
        {"text": turn.text} if is_revealed else {"characters": len(turn.text)}
    )
    return {"number": turn.number, "role": turn.role, **text}
