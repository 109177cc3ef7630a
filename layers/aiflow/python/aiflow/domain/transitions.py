"""State transitions: what events, actions and connections do to a session record."""

from collections.abc import Sequence
from copy import replace

from aiflow.domain.billable_actions import allow_retry, record_billable
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
from aiflow.sessions.record import SessionRecord, Status

PLAYBACKS = frozenset({"speak", "audio"})
_MAX_SESSION_MEMBER_CHARACTERS = 64
_MAX_CHARACTERS_PER_SECOND = 20
# Difference in network latency between two events of the service.
_JITTER_MS = 300


def session_members(event: Event) -> JsonObject:
    """Return the session members of an event as they are stored: shortened, without the id."""
    return {
        name: value[:_MAX_SESSION_MEMBER_CHARACTERS]
        for name, value in vars(event.session).items()
        if name != "id" and value is not None
    }


def apply_event(record: SessionRecord, event: Event, now_ms: int) -> SessionRecord:  # noqa: C901, PLR0911 - a case each
    """Return the record after `event`, whatever the answer to it will be."""
    record = replace(
        record,
        session={**record.session, **session_members(event)},
        first_event_at_ms=record.first_event_at_ms or now_ms,
    )
    match event:
        case SessionStart():
            # Also follows a failed transfer, which may then be tried again.
            record = replace(record, started=True, status=Status.ACTIVE)
            return allow_retry(_cancel_pending(record), "transfer")
        case UserSpeak(text=text, barged_in=barged_in) if text.strip():
            record = replace(
                record,
                caller_turns=record.caller_turns + 1,
                interruptions=record.interruptions + barged_in,
            )
            # Speaking during the final announcement does not prevent the hang-up.
            return (record if record.closing else _cancel_pending(record)).with_turn("user", text)
        case DtmfReceived() if not record.closing:
            return replace(record, deferred_actions=())
        case AssistantSpeak(duration_ms=float(length)) if record.deferred_actions:
            return replace(record, playback_end_ms=now_ms + int(length) - _JITTER_MS)
        case AssistantSpeechEnded():
            return replace(record, open_playbacks=max(0, record.open_playbacks - 1))
        case UserInputTimeout():
            return replace(record, open_playbacks=0, input_timeouts=record.input_timeouts + 1)
        case SmsFailed():
            return allow_retry(record, "send_sms")
        case SessionEnd():
            return replace(_cancel_pending(record), status=Status.ENDED)
        case _:
            return record


def keep_pending_answer(before: SessionRecord, after: SessionRecord) -> SessionRecord:
    """Return the record after an event, with what is still to be sent as it was before."""
    return replace(
        after,
        open_playbacks=before.open_playbacks,
        deferred_actions=before.deferred_actions,
        stream_owner=before.stream_owner,
    )


def apply_actions(
    record: SessionRecord, actions: Sequence[JsonObject], now_ms: int
) -> SessionRecord:
    """Return the record after `actions` were decided."""
    types = [action["type"] for action in actions]
    status = record.status
    if "transfer" in types:
        status = Status.TRANSFERRING
    if "hangup" in types:
        status = Status.HANGING_UP
    spoken = " ".join(_spoken(action) for action in actions if action["type"] == "speak")
    record = replace(
        record_billable(record, actions),
        status=status,
        open_playbacks=record.open_playbacks + sum(name in PLAYBACKS for name in types),
    )
    if record.deferred_actions and not PLAYBACKS.isdisjoint(types):
        end_ms = now_ms + _min_playback_ms(spoken, actions) - _JITTER_MS
        record = replace(record, playback_end_ms=end_ms)
    return record.with_turn("assistant", spoken)


def take_due_actions(
    record: SessionRecord, event: Event, now_ms: int
) -> tuple[tuple[JsonObject, ...], SessionRecord]:
    """Return the deferred actions that are due, up to the next playback, and the record without.

    They are due when every playback has ended. A playback that ends too early was interrupted, and
    the caller's words follow. Then, and if no end is reported, the input timeout makes the actions
    due, provided that the caller said nothing.
    """
    has_ended = isinstance(event, AssistantSpeechEnded) and now_ms >= record.playback_end_ms
    if record.open_playbacks or not (has_ended or isinstance(event, UserInputTimeout)):
        return (), record
    deferred = record.deferred_actions
    types = [action["type"] for action in deferred]
    end = next((index + 1 for index, name in enumerate(types) if name in PLAYBACKS), len(types))
    return deferred[:end], replace(record, deferred_actions=deferred[end:])


def bind_connection(record: SessionRecord, connection_id: str | None) -> SessionRecord:
    """Return the record of a call whose event came by this WebSocket connection; None over HTTP.

    A call that was marked as gone continues on its new connection.
    """
    if connection_id in {None, record.connection_id} or record.status is Status.ENDED:
        return record
    status = Status.ACTIVE if record.status is Status.GONE else record.status
    return replace(record, connection_id=connection_id, status=status)


def mark_connection_lost(record: SessionRecord) -> SessionRecord:
    """Return the record of a call that has no connection left.

    A hang-up or transfer that was decided remains decided in case the call comes back.
    """
    if record.version == 0 or record.status in {Status.ENDED, Status.GONE}:
        return record
    status = Status.GONE if record.status is Status.ACTIVE else record.status
    return replace(_cancel_pending(record), status=status)


def end_stream(record: SessionRecord, owner: str) -> SessionRecord:
    """Return the record after `owner` sent the last chunk of its answer."""
    return replace(record, stream_owner="") if record.stream_owner == owner else record


def may_continue_stream(record: SessionRecord, owner: str, *, is_complete: bool) -> bool:
    """Tell whether a streamed answer may go on although others have changed the call.

    The state after the last chunk is stored even if another invocation answers now.
    """
    if not record.version or record.status in {Status.HANGING_UP, Status.GONE, Status.ENDED}:
        return False
    return is_complete or record.stream_owner == owner


def idle_seconds(record: SessionRecord, now_ms: int) -> float:
    """Return how long ago a call was committed last, in seconds."""
    return (now_ms - record.committed_at_ms) / 1000


def _cancel_pending(record: SessionRecord) -> SessionRecord:
    """Drop deferred actions and end a streamed answer."""
    return replace(record, open_playbacks=0, deferred_actions=(), stream_owner="")


def _min_playback_ms(spoken: str, actions: Sequence[JsonObject]) -> int:
    """Return a lower bound of the playback time: no voice speaks faster."""
    encoded = sum(len(str(action["audio"])) for action in actions if action["type"] == "audio")
    sound_ms = encoded * 3 * 1000 // (4 * BYTES_PER_SECOND)
    return len(spoken) * 1000 // _MAX_CHARACTERS_PER_SECOND + sound_ms


def _spoken(action: JsonObject) -> str:
    text, ssml = action.get("text"), action.get("ssml")
    return str(text) if text is not None else spoken_text(str(ssml))
