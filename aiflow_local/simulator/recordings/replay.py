"""Replays a recorded call with the current bot and compares the answers."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from typing import Any
from uuid import uuid4

from aiflow.protocol.types import JsonObject
from aiflow_local.simulator.bots.connector import BotConnector
from aiflow_local.simulator.engine.caller import PhoneCall, hang_up_on_error
from aiflow_local.simulator.engine.clock import Clock
from aiflow_local.simulator.engine.formatting import format_action, format_event
from aiflow_local.simulator.engine.transcript import EntryKind, TranscriptEntry
from aiflow_local.simulator.recordings.caller_steps import replay_step
from aiflow_local.simulator.recordings.reader import RecordedCall
from aiflow_local.simulator.recordings.reconstruct import reconstruct

_BY_THE_CALLER = ("text", "digit")


@dataclass(frozen=True)
class EventAnswer:
    """Answer of a bot to an event.

    Attributes:
        event: the event.
        at_ms: milliseconds since the start of the call.
        actions: executed actions, without the session id.
        errors: codes of the protocol errors.
    """

    event: JsonObject
    at_ms: int
    actions: Sequence[JsonObject]
    errors: Sequence[str]

    @property
    def is_empty(self) -> bool:
        """Whether there are neither actions nor errors."""
        return not self.actions and not self.errors

    @property
    def described(self) -> list[str]:
        """One line for each action and each error."""
        return [*map(format_action, self.actions), *(f"error: {error}" for error in self.errors)]

    def equals(self, other: "EventAnswer") -> bool:
        """Tell whether another answer has the same actions and errors."""
        return (self.actions, self.errors) == (other.actions, other.errors)


@dataclass(frozen=True)
class Difference:
    """An event with different answers.

    Attributes:
        before: the recorded answer; None if the recording has no such event.
        today: the current answer; None if the replay has no such event.
    """

    before: EventAnswer | None
    today: EventAnswer | None

    def lines(self) -> Iterator[str]:
        """Yield a description for people."""
        answer = self.before or self.today
        if answer is None:
            return
        rest = "" if self.before and self.today else "   (no such event today)"
        rest = rest if self.before else "   (not in the recording)"
        yield f"at {answer.at_ms / 1000:.2f} s, {format_event(answer.event)}{rest}"
        before, today = (one.described if one else [] for one in (self.before, self.today))
        if before == today:
            today = [f"{line}   (different audio)" for line in today]
        yield from (f"  - {line}" for line in before or ["nothing"] if self.before)
        yield from (f"  + {line}" for line in today or ["nothing"] if self.today)

    def to_json(self) -> dict[str, Any]:
        """Return a description for programs."""
        return {"before": _as_json(self.before), "today": _as_json(self.today)}


@dataclass(frozen=True)
class Comparison:
    """Comparison of recorded and current answers.

    Attributes:
        recorded: the recorded call.
        same: number of equal answers that are not empty.
        differences: different answers in order.
    """

    recorded: RecordedCall
    same: int
    differences: Sequence[Difference]


def replay(recorded: RecordedCall, connect: BotConnector, *, is_elsewhere: bool) -> Comparison:
    """Repeat the actions of the caller and compare the answers.

    Args:
        recorded: the recorded call.
        connect: connects to the bot.
        is_elsewhere: whether the bot may still store the recorded session; the replay then uses a
            new session id.
    """
    clock, parties = Clock(), recorded.parties
    if is_elsewhere:
        parties = replace(parties, session_id=str(uuid4()))
    with connect(clock, recorded.options) as bot:
        call = PhoneCall(bot.connection, recorded.options, parties, clock)
        with hang_up_on_error(call):
            _repeat(call, recorded)
    return _compared(recorded, call.transcript.entries)


def _repeat(call: PhoneCall, recorded: RecordedCall) -> None:
    call.begin()
    for step in reconstruct(recorded).steps:
        replay_step(step, call)
    call.settle()


def _compared(recorded: RecordedCall, today: Sequence[TranscriptEntry]) -> Comparison:
    before, after = list(_answers(recorded.entries)), list(_answers(today))
    pairs = list(_pairs(before, after))
    same = sum(bool(then and now and then.equals(now) and not now.is_empty) for then, now in pairs)
    differences = [Difference(then, now) for then, now in pairs if _differ(then, now)]
    return Comparison(recorded, same, differences)


def _differ(then: EventAnswer | None, now: EventAnswer | None) -> bool:
    if then and now:
        return not then.equals(now)
    # An event without an answer makes no difference.
    return any(one and not one.is_empty for one in (then, now))


def _pairs(
    before: Sequence[EventAnswer], after: Sequence[EventAnswer]
) -> Iterator[tuple[EventAnswer | None, EventAnswer | None]]:
    """Yield pairs of answers to the same event; None for an event of one call only."""
    matcher = SequenceMatcher(
        None,
        [_key(answer) for answer in before],
        [_key(answer) for answer in after],
        autojunk=False,
    )
    for tag, first, first_end, second, second_end in matcher.get_opcodes():
        then, now = before[first:first_end], after[second:second_end]
        if tag == "equal":
            yield from zip(then, now, strict=True)
        else:
            yield from ((one, None) for one in then)
            yield from ((None, one) for one in now)


def _answers(entries: Sequence[TranscriptEntry]) -> Iterator[EventAnswer]:
    event: TranscriptEntry | None = None
    actions: list[JsonObject] = []
    errors: list[str] = []
    for entry in entries:
        if entry.kind is EntryKind.EVENT:
            if event:
                yield EventAnswer(event.data["event"], event.at_ms, actions, errors)
            event, actions, errors = entry, [], []
        elif entry.kind is EntryKind.ACTION:
            action = entry.data["action"]
            actions.append({key: action[key] for key in action if key != "session_id"})
        elif entry.kind is EntryKind.PROBLEM and entry.data["problem"]["severity"] == "error":
            errors.append(entry.data["problem"]["code"])
    if event:
        yield EventAnswer(event.data["event"], event.at_ms, actions, errors)


def _key(answer: EventAnswer) -> tuple[object, ...]:
    """Return what identifies an event, apart from members that depend on the bot."""
    name = answer.event["type"]
    if name == "assistant_speak":
        return (name,)
    return (name, *(answer.event.get(member) for member in _BY_THE_CALLER))


def _as_json(answer: EventAnswer | None) -> dict[str, Any] | None:
    if answer is None:
        return None
    return {
        "at_ms": answer.at_ms,
        "event": answer.event,
        "actions": list(answer.actions),
        "errors": list(answer.errors),
    }
