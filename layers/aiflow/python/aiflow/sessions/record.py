"""The session record: the persisted state of one call.

A record is immutable. The pipeline makes its next version, and the store accepts or rejects that
version. Its size is bounded whatever the caller does; older turns are stored apart.
"""

import json
from collections.abc import Sequence
from copy import replace
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, NamedTuple, Self

from aiflow.errors import StateNotStorable
from aiflow.protocol.types import JsonObject
from aiflow.sessions.codec import (
    FLAG,
    INTEGER,
    OBJECT,
    OBJECTS,
    TEXT,
    TEXTS,
    Attributes,
    Encoding,
    as_json,
    from_attributes,
    stored,
)

MAX_STATE_BYTES = 20_000
MAX_DEFERRED_BYTES = 12_000
MAX_TURNS_BYTES = 20_000
MAX_TURNS = 40
MAX_TURN_TEXT_BYTES = 4_000
MAX_PROCESSED_EVENTS = 8
MAX_ANSWERS = 2
MAX_ANSWERS_BYTES = 4_000
# More than the call limits allow, so that no billable action is forgotten.
MAX_BILLABLE_KEYS = 64
MAX_WRITERS = 8
# The random end of an invocation id is enough to tell the writers of one call apart.
_WRITER_CHARACTERS = 12
_TURNS_PER_EVENT = 2
_TURN_OVERHEAD_BYTES = 30
_MAX_BYTES_PER_CHARACTER = 6


class Status(StrEnum):
    """The phase of a call."""

    ACTIVE = "active"
    TRANSFERRING = "transferring"
    HANGING_UP = "hanging_up"
    GONE = "gone"
    ENDED = "ended"


class Turn(NamedTuple):
    """What one side said at one point of the call.

    Attributes:
        number: position in the call, from 0, without gaps.
        role: `user` is the caller, `assistant` the agent.
        text: the words without markup, cut at 4,000 bytes; empty where transcripts are not stored.
    """

    number: int
    role: Literal["user", "assistant"]
    text: str


class ProcessedEvent(NamedTuple):
    """An answered event, kept to recognise its repetition.

    Attributes:
        fingerprint: of the event's type and content.
        answered_at_ms: Unix time of the answer in milliseconds.
        answer: the actions without billable ones; None if they were too large to keep, or if their
            text must not be stored.
    """

    fingerprint: str
    answered_at_ms: int
    answer: tuple[JsonObject, ...] | None


def _decode_processed(text: str) -> tuple[ProcessedEvent, ...]:
    return tuple(
        ProcessedEvent(fingerprint, answered_at_ms, None if answer is None else tuple(answer))
        for fingerprint, answered_at_ms, answer in json.loads(text)
    )


def _decode_turns(text: str) -> tuple[Turn, ...]:
    return tuple(map(Turn._make, json.loads(text)))


STATUS = Encoding[Status](str, Status)
TURNS = Encoding[tuple[Turn, ...]](as_json, _decode_turns)
PROCESSED_EVENTS = Encoding[tuple[ProcessedEvent, ...]](as_json, _decode_processed)


@dataclass(frozen=True, kw_only=True)
class SessionRecord:
    """One version of the persisted state of a call.

    Attributes:
        session_id: `session.id` of the protocol.
        version: counts the commits; 0 has never been stored.
        writers: the invocations that wrote the latest versions, newest last.
        status: the phase of the call.
        started: whether its `session_start` has arrived.
        expires_at: Unix time in seconds from which the record counts as absent.
        session: the members of the protocol's `session`, as far as any event brought them.
        state: `call.state` of the handlers; JSON.
        turns: the latest turns, oldest first.
        processed_events: the latest answered events, oldest first.
        billable_keys: idempotency keys of billable actions, oldest first.
        deferred_actions: actions that wait for the end of a playback (see `Speak.then`).
        open_playbacks: playbacks that were sent and have not been reported as ended.
        playback_end_ms: Unix time before which the playback that `deferred_actions` wait for cannot
            have ended.
        connection_id: of the WebSocket that the latest event came by; empty over HTTP.
        stream_owner: the invocation that has more chunks of its answer to send, if any: Unix time
            in milliseconds at which its event arrived, a colon, its id.
        first_event_at_ms: Unix time of the first event by our clock; 0 before it.
        caller_turns: how often the caller said something.
        sms_sent: messages that were decided, including those that failed.
        transfers_made: likewise for transfers.
        closing: whether only the final announcement is left of the call.
        consecutive_failures: failed answers in a row.
        interruptions: how often the caller spoke while the agent did.
        input_timeouts: how often the caller stayed silent although the agent waited for input.
        committed_at_ms: Unix time of the latest commit, by the clock of its writer.
    """

    session_id: str
    version: int = stored(INTEGER, int)
    writers: tuple[str, ...] = stored(TEXTS, tuple)
    status: Status = stored(STATUS, lambda: Status.ACTIVE)
    started: bool = stored(FLAG, bool)
    expires_at: int = stored(INTEGER, int)
    session: JsonObject = stored(OBJECT, dict)
    state: JsonObject = stored(OBJECT, dict)
    turns: tuple[Turn, ...] = stored(TURNS, tuple)
    processed_events: tuple[ProcessedEvent, ...] = stored(PROCESSED_EVENTS, tuple)
    billable_keys: tuple[str, ...] = stored(TEXTS, tuple)
    deferred_actions: tuple[JsonObject, ...] = stored(OBJECTS, tuple)
    open_playbacks: int = stored(INTEGER, int)
    playback_end_ms: int = stored(INTEGER, int)
    connection_id: str = stored(TEXT, str)
    stream_owner: str = stored(TEXT, str)
    first_event_at_ms: int = stored(INTEGER, int)
    caller_turns: int = stored(INTEGER, int)
    sms_sent: int = stored(INTEGER, int)
    transfers_made: int = stored(INTEGER, int)
    closing: bool = stored(FLAG, bool)
    consecutive_failures: int = stored(INTEGER, int)
    interruptions: int = stored(INTEGER, int)
    input_timeouts: int = stored(INTEGER, int)
    committed_at_ms: int = stored(INTEGER, int)

    def __replace__(self, **changes: object) -> Self:
        """Return a copy with `changes`, for `copy.replace`.

        The method of a dataclass reads all fields one by one, and an event makes about 20 copies.
        """
        members = self.__dict__ | changes
        if len(members) > len(self.__dict__):
            raise TypeError("a session record has no such field")
        copied = object.__new__(type(self))
        copied.__dict__.update(members)
        return copied

    @classmethod
    def from_attributes(cls, session_id: str, attributes: Attributes) -> Self:
        """Return the record that was stored with these attributes."""
        return cls(session_id=session_id, **from_attributes(cls, attributes))

    def written_by(self, writer: str, version: int) -> bool:
        """Tell whether `writer` wrote `version` of this record, even if others wrote since."""
        age = self.version - version
        return 0 <= age < len(self.writers) and self.writers[-1 - age] == _writer_suffix(writer)

    def next_version(self, writer: str, expires_at: int) -> "SessionRecord":
        """Return the version that `writer` may commit.

        Raises:
            StateNotStorable: `call.state` or the deferred actions are too large or not JSON.
        """
        _check_size("call.state", self.state, MAX_STATE_BYTES)
        _check_size("the actions deferred by .then", self.deferred_actions, MAX_DEFERRED_BYTES)
        return replace(
            self,
            version=self.version + 1,
            writers=(*self.writers, _writer_suffix(writer))[-MAX_WRITERS:],
            expires_at=expires_at,
            processed_events=_trim_processed(self.processed_events),
            billable_keys=self.billable_keys[-MAX_BILLABLE_KEYS:],
        )

    def with_turn(self, role: Literal["user", "assistant"], text: str) -> "SessionRecord":
        """Return the record with one more turn; blank text adds none."""
        kept = text.encode()[:MAX_TURN_TEXT_BYTES].decode(errors="ignore").strip()
        if not kept:
            return self
        number = self.turns[-1].number + 1 if self.turns else 0
        return replace(self, turns=(*self.turns, Turn(number, role, kept)))

    def split_overflow(self) -> "tuple[tuple[Turn, ...], SessionRecord]":
        """Return the oldest turns that no longer fit, and the record without them.

        Half of the room is freed at once, so that this is rare. The two turns that one event may
        add stay, so that only turns of earlier commits leave the record.
        """
        has_room = len(self.turns) <= MAX_TURNS and _turns_size(self.turns) <= MAX_TURNS_BYTES
        if has_room or len(self.turns) <= _TURNS_PER_EVENT:
            return (), self
        leaving = 1
        while len(self.turns) - leaving > _TURNS_PER_EVENT and (
            len(self.turns) - leaving > MAX_TURNS // 2
            or _turns_size(self.turns[leaving:]) > MAX_TURNS_BYTES // 2
        ):
            leaving += 1
        return self.turns[:leaving], replace(self, turns=self.turns[leaving:])


def _writer_suffix(writer: str) -> str:
    return writer[-_WRITER_CHARACTERS:]


def _size(text: str) -> int:
    return len(text.encode())


def _turns_size(turns: Sequence[Turn]) -> int:
    overhead = _TURN_OVERHEAD_BYTES * len(turns)
    characters = len("".join([turn.text for turn in turns]))
    upper_bound = _MAX_BYTES_PER_CHARACTER * characters + overhead
    # Far below the limit nearly always; then the exact size does not matter.
    if upper_bound <= MAX_TURNS_BYTES // 2:
        return upper_bound
    return sum(_size(as_json(turn.text)) for turn in turns) + overhead


def _check_size(what: str, value: object, limit: int) -> None:
    try:
        size = _size(as_json(value))
    except (TypeError, ValueError, RecursionError) as error:
        message = f"{what} must be JSON: text, numbers, booleans, null, lists and objects of them"
        raise StateNotStorable(message) from error
    if size > limit:
        raise StateNotStorable(f"{what} must stay under {limit:,} bytes as JSON, but has {size:,}")


def _trim_processed(events: Sequence[ProcessedEvent]) -> tuple[ProcessedEvent, ...]:
    """Keep the newest events, and as many of the newest answers as fit."""
    kept: list[ProcessedEvent] = []
    room = MAX_ANSWERS_BYTES
    for event in reversed(events[-MAX_PROCESSED_EVENTS:]):
        # Older events are still recognised, but their answers are no longer needed.
        answer = event.answer if len(kept) < MAX_ANSWERS else None
        room -= _size(as_json(answer)) if answer else 0
        fits = answer is event.answer and room >= 0
        kept.append(event if fits else event._replace(answer=None))
    return tuple(reversed(kept))
