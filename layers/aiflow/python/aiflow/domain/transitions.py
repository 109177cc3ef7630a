"""What events and actions do to a call: pure functions from one session item to the next.

The rules follow from what the protocol promises and what it does not: there is no delivery id, and
nothing says that a request is not repeated. Why each is as it is: docs/protocol-notes.md.
"""

import hmac
from collections.abc import Sequence
from copy import replace
from hashlib import sha256

from aiflow.protocol import json_codec
from aiflow.protocol.audio import BYTES_PER_SECOND
from aiflow.protocol.events import (
    AssistantSpeak,
    AssistantSpeechEnded,
    DtmfReceived,
    Event,
    SessionEnd,
    SessionStart,
    SmsFailed,
    UserInputTimeout,
    UserSpeak,
)
from aiflow.protocol.ssml import spoken_text
from aiflow.protocol.types import JsonObject
from aiflow.sessions.record import ProcessedEvent, SessionRecord, Status

PLAYBACKS = frozenset({"speak", "audio"})
BILLABLE = frozenset({"send_sms", "transfer"})
REPEAT_WINDOW_MS = 600
ONCE_MEMBER = "aiflow:once"
"""The member under which an action that waits carries its name; it does not leave with it."""
_MAX_SESSION_MEMBER = 64
_DIGITS = 16
_MOST_CHARACTERS_A_SECOND = 20
# What the network adds to one report and not to another.
_JITTER_MS = 300


def fingerprint(event: Event, key: bytes = b"") -> str | None:
    """Return what a repeated delivery of `event` has in common with it; None where each counts.

    A key pressed twice is two keys, and each end of a playback is its own. With a key, only who has
    it can tell whether a guess at the words is right, or whether they were said in another call.
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
        return _digest(*same)
    of_this_call = "\0".join((event.session.id, *same)).encode()
    return hmac.digest(key, of_this_call, "sha256").hex()[:_DIGITS]


def find_duplicate(
    item: SessionRecord, event: Event, arrived_at_ms: int, key: bytes = b"", thinking_ms: int = 0
) -> ProcessedEvent | None:
    """Return the delivery that `event` repeats, if it does.

    The same words count as a repetition only while the first are unanswered or for 0.6 s after
    their answer: "yes", "yes" are two turns. A `session_start` repeats the first one as long as no
    transfer is under way.

    Args:
        item: of the call.
        event: that has come.
        arrived_at_ms: when, in Unix time.
        key: of the fingerprints.
        thinking_ms: how long whoever has said a piece of an answer may take for the next.
    """
    mark = fingerprint(event, key)
    known = _latest_with(item, mark)
    if isinstance(event, SessionStart):
        if not item.started or item.status is Status.TRANSFERRING:
            return None
        # Once the call went on, the greeting has been heard.
        return (
            known
            if known and known is item.processed_events[-1]
            else ProcessedEvent(str(mark), arrived_at_ms, ())
        )
    is_unanswered = bool(item.stream_owner) and known is item.processed_events[-1]
    window_ms = REPEAT_WINDOW_MS + (thinking_ms if is_unanswered else 0)
    return known if known and arrived_at_ms - known.answered_at_ms <= window_ms else None


def session_members(event: Event) -> JsonObject:
    """Return what an event brings of its session, as it is kept: cut, and without the id."""
    return {
        name: value[:_MAX_SESSION_MEMBER]
        for name, value in vars(event.session).items()
        if name != "id" and value is not None
    }


def bind_connection(item: SessionRecord, connection_id: str | None) -> SessionRecord:
    """Return the item of a call that an event reaches; over a WebSocket, by this connection.

    Whoever was believed to be gone and is connected anew goes on with the call.
    """
    if connection_id in {None, item.connection_id} or item.status is Status.ENDED:
        return item
    status = Status.ACTIVE if item.status is Status.GONE else item.status
    return replace(item, connection_id=connection_id, status=status)


def mark_connection_lost(item: SessionRecord) -> SessionRecord:
    """Return the item of a call whose connection is gone.

    A hang-up or a transfer that was decided stays decided, should the call come back.
    """
    status = Status.GONE if item.status is Status.ACTIVE else item.status
    return replace(_cancel_pending(item), status=status)


def idle_seconds(item: SessionRecord, now_ms: int) -> float:
    """Return for how long nobody has changed a call that is open; nothing for one that ended."""
    return 0 if item.status is Status.ENDED else (now_ms - item.committed_at_ms) / 1000


def end_stream(item: SessionRecord, speaker: str) -> SessionRecord:
    """Return the item after a speaker has said its last piece."""
    return replace(item, stream_owner="") if item.stream_owner == speaker else item


def apply_event(item: SessionRecord, event: Event, now_ms: int) -> SessionRecord:  # noqa: C901, PLR0911 - a case each
    """Return the item with what `event` itself says: who calls, what was said, what is over."""
    item = replace(
        item,
        session={**item.session, **session_members(event)},
        first_event_at_ms=item.first_event_at_ms or now_ms,
    )
    match event:
        case SessionStart():
            # Also when a transfer failed: then it was not the last word, and may be tried again.
            item = replace(item, started=True, status=Status.ACTIVE)
            return _allow_retry(_cancel_pending(item), "transfer")
        case UserSpeak(text=text, barged_in=barged_in) if text.strip():
            item = replace(
                item,
                caller_turns=item.caller_turns + 1,
                interruptions=item.interruptions + barged_in,
            )
            # A goodbye is not talked out of its hang-up.
            return (item if item.closing else _cancel_pending(item)).with_turn("user", text)
        case DtmfReceived() if not item.closing:
            return replace(item, deferred_actions=())
        case AssistantSpeak(duration_ms=float(length)) if item.deferred_actions:
            return replace(item, playback_end_ms=now_ms + int(length) - _JITTER_MS)
        case AssistantSpeechEnded():
            return replace(item, open_playbacks=max(0, item.open_playbacks - 1))
        case UserInputTimeout():
            return replace(item, open_playbacks=0, input_timeouts=item.input_timeouts + 1)
        case SmsFailed():
            return _allow_retry(item, "send_sms")
        case SessionEnd():
            return replace(_cancel_pending(item), status=Status.ENDED)
        case _:
            return item


def keep_pending_answer(before: SessionRecord, item: SessionRecord) -> SessionRecord:
    """Return the item with what was said, but without an end to what is being answered.

    Args:
        before: the item without it.
        item: as `apply_event` returns it.
    """
    return replace(
        item,
        open_playbacks=before.open_playbacks,
        deferred_actions=before.deferred_actions,
        stream_owner=before.stream_owner,
    )


def take_due_actions(
    item: SessionRecord, event: Event, now_ms: int
) -> tuple[tuple[JsonObject, ...], SessionRecord]:
    """Return the followers that are due, up to the next playback, and the item without them.

    They are due when everything that was sent has been heard. An end that comes too early is that
    of an interruption, whose words are still on their way: then, as when no end is reported at
    all, the input timeout releases them, if the caller said nothing after all.
    """
    is_heard = isinstance(event, AssistantSpeechEnded) and now_ms >= item.playback_end_ms
    if item.open_playbacks or not (is_heard or isinstance(event, UserInputTimeout)):
        return (), item
    types = [follower["type"] for follower in item.deferred_actions]
    end = next((index + 1 for index, name in enumerate(types) if name in PLAYBACKS), len(types))
    return item.deferred_actions[:end], replace(item, deferred_actions=item.deferred_actions[end:])


def used_count(item: SessionRecord, kind: str) -> int:
    """Return how many actions of a kind that costs money were decided in this call."""
    counted = item.sms_sent if kind == "send_sms" else item.transfers_made
    # An earlier version of this code, still running beside this one, counts nothing.
    return max(counted, sum(entry.startswith(f"{kind}:") for entry in item.billable_keys))


def idempotency_key(action: JsonObject) -> str:
    """Return what makes a priced action the same again: its type, and its name or all the rest."""
    same = (
        ("once", str(action[ONCE_MEMBER]))
        if ONCE_MEMBER in action
        else (json_codec.encode(action),)
    )
    return f"{action['type']}:{_digest(*same)}"


def strip_internal_members(action: JsonObject) -> JsonObject:
    """Return an action as it leaves: without its name."""
    return {member: value for member, value in action.items() if member != ONCE_MEMBER}


def apply_actions(item: SessionRecord, actions: Sequence[JsonObject], now_ms: int) -> SessionRecord:
    """Return the item after `actions` were decided."""
    types = [action["type"] for action in actions]
    status = item.status
    if "transfer" in types:
        status = Status.TRANSFERRING
    if "hangup" in types:
        status = Status.HANGING_UP
    intents = tuple(idempotency_key(action) for action in actions if action["type"] in BILLABLE)
    spoken = " ".join(_spoken(action) for action in actions if action["type"] == "speak")
    item = replace(
        item,
        status=status,
        billable_keys=item.billable_keys + intents,
        sms_sent=used_count(item, "send_sms") + types.count("send_sms"),
        transfers_made=used_count(item, "transfer") + types.count("transfer"),
        open_playbacks=item.open_playbacks + sum(name in PLAYBACKS for name in types),
    )
    if item.deferred_actions and not PLAYBACKS.isdisjoint(types):
        until_ms = now_ms + _shortest_ms(spoken, actions) - _JITTER_MS
        item = replace(item, playback_end_ms=until_ms)
    return item.with_turn("assistant", spoken)


def record_answer(
    item: SessionRecord,
    event: Event,
    actions: Sequence[JsonObject],
    now_ms: int,
    key: bytes = b"",
) -> SessionRecord:
    """Return the item with the answer to `event`; a repetition gets it without what costs money."""
    mark = fingerprint(event, key)
    if mark is None:
        return item
    answer = ProcessedEvent(mark, now_ms, _without_billable(actions))
    return replace(item, processed_events=(*item.processed_events, answer))


def extend_answer(
    item: SessionRecord,
    event: Event,
    actions: Sequence[JsonObject],
    now_ms: int,
    key: bytes = b"",
) -> SessionRecord:
    """Return the item with a further piece of the answer to `event`."""
    known = _latest_with(item, fingerprint(event, key))
    if known is None:
        return item
    whole = None if known.answer is None else known.answer + _without_billable(actions)
    longer = replace(known, answered_at_ms=now_ms, answer=whole)
    deliveries = (longer if delivery is known else delivery for delivery in item.processed_events)
    return replace(item, processed_events=tuple(deliveries))


def _cancel_pending(item: SessionRecord) -> SessionRecord:
    """Let nothing wait any more, nor anybody go on with what was to be said."""
    return replace(item, open_playbacks=0, deferred_actions=(), stream_owner="")


def _latest_with(item: SessionRecord, mark: str | None) -> ProcessedEvent | None:
    """Return the latest delivery with a fingerprint."""
    same = (
        delivery for delivery in reversed(item.processed_events) if delivery.fingerprint == mark
    )
    return next(same, None)


def _without_billable(actions: Sequence[JsonObject]) -> tuple[JsonObject, ...]:
    return tuple(action for action in actions if action["type"] not in BILLABLE)


def _digest(*parts: str) -> str:
    return sha256("\0".join(parts).encode()).hexdigest()[:_DIGITS]


def _allow_retry(item: SessionRecord, kind: str) -> SessionRecord:
    """Take the latest intent of a kind back: it did not come to pass and may be tried again."""
    latest = next(
        (entry for entry in reversed(item.billable_keys) if entry.startswith(f"{kind}:")), None
    )
    return replace(
        item, billable_keys=tuple(entry for entry in item.billable_keys if entry != latest)
    )


def _shortest_ms(spoken: str, actions: Sequence[JsonObject]) -> int:
    """Return the least time that playing `actions` takes: no voice speaks any faster."""
    encoded = sum(len(str(action["audio"])) for action in actions if action["type"] == "audio")
    sound_ms = encoded * 3 * 1000 // (4 * BYTES_PER_SECOND)
    return len(spoken) * 1000 // _MOST_CHARACTERS_A_SECOND + sound_ms


def _spoken(action: JsonObject) -> str:
    text, ssml = action.get("text"), action.get("ssml")
    return str(text) if text is not None else spoken_text(str(ssml))
