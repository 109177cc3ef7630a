"""What is kept of a call: one item, small whatever the caller does, and the turns that outgrew it.

An item is never changed: the runtime makes the next version of it, and the store accepts that
version or refuses it.
"""

import json
from collections.abc import Sequence
from copy import replace
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal, NamedTuple, Self

from aiflow.errors import StateNotStorable
from aiflow.protocol.types import JsonObject, JsonValue

MAX_STATE_BYTES = 20_000
MAX_FOLLOWERS_BYTES = 12_000
MAX_TURNS_BYTES = 20_000
MAX_TURNS = 40
MAX_TURN_TEXT_BYTES = 4_000
MAX_DELIVERIES = 8
MAX_ANSWERS = 2
MAX_DELIVERIES_BYTES = 4_000
# More than the caps let through: what was sent is not forgotten.
MAX_LEDGER = 64
MAX_WRITERS = 8
# The end of an invocation's id, all of chance: enough to tell apart who writes one call.
_WRITER_CHARACTERS = 12
_TURNS_OF_ONE_EVENT = 2
# Made once: `json.dumps` would make one for each value.
_encode = json.JSONEncoder(allow_nan=False, ensure_ascii=False, separators=(",", ":")).encode
_TURN_BYTES = 30
_MOST_BYTES_A_CHARACTER = 6


class Status(StrEnum):
    """Where a call is in its life."""

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
        text: the words, without markup, cut at 4,000 bytes; empty where no words are kept.
    """

    number: int
    role: Literal["user", "assistant"]
    text: str


class ProcessedEvent(NamedTuple):
    """An event that was answered, so that its repetition can be told from a new one.

    Attributes:
        fingerprint: of the event's type and content.
        answered_at_ms: Unix time of the answer.
        answer: the actions again, without those that cost money; None when they were too large to
            keep, or their words were not to be kept.
    """

    fingerprint: str
    answered_at_ms: int
    answer: tuple[JsonObject, ...] | None


@dataclass(frozen=True, kw_only=True)
class SessionRecord:
    """One version of what is kept of a call.

    Attributes:
        session_id: `session.id` of the wire.
        version: counts the commits; 0 has never been stored.
        writers: who wrote the latest versions, newest last; tells an own write from somebody
            else's.
        status: where the call is in its life.
        started: whether its `session_start` has been seen.
        expires_at: Unix time in seconds from which on the item counts as absent.
        session: the members of the wire's `session`, as far as any event brought them.
        state: what the handlers keep; JSON.
        turns: the latest turns, oldest first.
        deliveries: the latest answered events, oldest first.
        ledger: intents that cost money and were decided, oldest first.
        followers: actions that wait for the end of a playback (see `Speak.then`).
        playing: playbacks that were sent and have not been reported as ended.
        playing_until_ms: Unix time before which what `followers` wait for cannot have been heard.
        connection: of the WebSocket that the latest event came by; empty over HTTP.
        speaking: who has more pieces of its answer to say, if somebody has: `since:invocation`,
            with the Unix time in milliseconds at which its event arrived.
        first_event_at_ms: Unix time of the first event, by our clock; 0 before it.
        turns_taken: how often the caller said something.
        sms_sent: messages that were decided, those that failed included.
        transfers_made: likewise.
        closing: whether nothing is left of the call but its goodbye.
        apologies: how many answers in a row came to nothing.
        interruptions: how often the caller began to speak while the agent did.
        silences: how often the caller said nothing where the agent waited for it.
        written_at_ms: Unix time of the latest commit, by the clock of who made it.
    """

    session_id: str
    version: int = 0
    writers: tuple[str, ...] = ()
    status: Status = Status.ACTIVE
    started: bool = False
    expires_at: int = 0
    session: JsonObject = field(default_factory=dict[str, JsonValue])
    state: JsonObject = field(default_factory=dict[str, JsonValue])
    turns: tuple[Turn, ...] = ()
    processed_events: tuple[ProcessedEvent, ...] = ()
    billable_keys: tuple[str, ...] = ()
    deferred_actions: tuple[JsonObject, ...] = ()
    open_playbacks: int = 0
    playback_end_ms: int = 0
    connection_id: str = ""
    stream_owner: str = ""
    first_event_at_ms: int = 0
    caller_turns: int = 0
    sms_sent: int = 0
    transfers_made: int = 0
    closing: bool = False
    consecutive_failures: int = 0
    interruptions: int = 0
    input_timeouts: int = 0
    committed_at_ms: int = 0

    def __replace__(self, **changes: object) -> Self:
        """Return a copy with `changes`, for `copy.replace`.

        That of a dataclass reads all fields one by one, and an event makes a score of copies.
        """
        members = self.__dict__ | changes
        if len(members) > len(self.__dict__):
            raise TypeError("a session item has no such member")
        copied = object.__new__(type(self))
        copied.__dict__.update(members)
        return copied

    def written_by(self, writer: str, version: int) -> bool:
        """Tell whether `writer` wrote `version` of this item, even if others wrote since."""
        age = self.version - version
        return 0 <= age < len(self.writers) and self.writers[-1 - age] == _short(writer)

    def next_version(self, writer: str, expires_at: int) -> "SessionRecord":
        """Return the version that `writer` may commit.

        Raises:
            StateNotStorable: the handlers keep more than the item may hold, or what is not JSON.
        """
        _limit("call.state", self.state, MAX_STATE_BYTES)
        _limit("what follows a playback", self.deferred_actions, MAX_FOLLOWERS_BYTES)
        return replace(
            self,
            version=self.version + 1,
            writers=(*self.writers, _short(writer))[-MAX_WRITERS:],
            expires_at=expires_at,
            processed_events=_within(self.processed_events),
            billable_keys=self.billable_keys[-MAX_LEDGER:],
        )

    def with_turn(self, role: Literal["user", "assistant"], text: str) -> "SessionRecord":
        """Return the item with one more turn; blank text adds none."""
        kept = text.encode()[:MAX_TURN_TEXT_BYTES].decode(errors="ignore").strip()
        if not kept:
            return self
        number = self.turns[-1].number + 1 if self.turns else 0
        return replace(self, turns=(*self.turns, Turn(number, role, kept)))

    def spill(self) -> "tuple[tuple[Turn, ...], SessionRecord]":
        """Return the oldest turns, which no longer fit, and the item without them.

        Half of the room is freed at once, so that a spill is rare. An event adds two turns at most,
        which stay, so that only turns of earlier commits ever leave.
        """
        if len(self.turns) <= MAX_TURNS and _turns_size(self.turns) <= MAX_TURNS_BYTES:
            return (), self
        leaving = 1
        while len(self.turns) - leaving > _TURNS_OF_ONE_EVENT and (
            len(self.turns) - leaving > MAX_TURNS // 2
            or _turns_size(self.turns[leaving:]) > MAX_TURNS_BYTES // 2
        ):
            leaving += 1
        return self.turns[:leaving], replace(self, turns=self.turns[leaving:])


def as_json(value: object) -> str:
    """Write a value as the store keeps it.

    Raises:
        TypeError: something in it is not JSON.
        ValueError: NaN, an infinity, or a reference to itself.
    """
    return _encode(value)


def _short(writer: str) -> str:
    return writer[-_WRITER_CHARACTERS:]


def _size(text: str) -> int:
    return len(text.encode())


def _turns_size(turns: Sequence[Turn]) -> int:
    others = _TURN_BYTES * len(turns)
    most = _MOST_BYTES_A_CHARACTER * len("".join([turn.text for turn in turns])) + others
    # Nearly always there is room for whatever JSON makes of them, and no need to see it.
    if most <= MAX_TURNS_BYTES // 2:
        return most
    return sum(_size(as_json(turn.text)) for turn in turns) + others


def _limit(what: str, value: object, limit: int) -> None:
    try:
        size = _size(as_json(value))
    except (TypeError, ValueError, RecursionError) as error:
        message = f"{what} must be JSON: text, numbers, booleans, null, lists and objects of them"
        raise StateNotStorable(message) from error
    if size > limit:
        raise StateNotStorable(f"{what} must stay under {limit:,} bytes as JSON, but has {size:,}")


def _within(deliveries: Sequence[ProcessedEvent]) -> tuple[ProcessedEvent, ...]:
    """Keep the newest deliveries; of the newest of their answers as many as fit."""
    kept: list[ProcessedEvent] = []
    room = MAX_DELIVERIES_BYTES
    for delivery in reversed(deliveries[-MAX_DELIVERIES:]):
        # An older one is still known, but nobody waits for its answer any more.
        answer = delivery.answer if len(kept) < MAX_ANSWERS else None
        room -= _size(as_json(answer)) if answer else 0
        fits = answer is delivery.answer and room >= 0
        kept.append(delivery if fits else replace(delivery, answer=None))
    return tuple(reversed(kept))
