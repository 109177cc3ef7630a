"""A recorded call held once more, with today's bot: what does it answer differently?"""

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
    """What a bot did about an event.

    Attributes:
        event: which one.
        at_ms: when, in milliseconds since the call began.
        actions: that were taken from it, without the session.
        errors: that were found in it.
    """

    event: JsonObject
    at_ms: int
    actions: Sequence[JsonObject]
    errors: Sequence[str]

    @property
    def is_empty(self) -> bool:
        """Whether nothing came of it."""
        return not self.actions and not self.errors

    @property
    def told(self) -> list[str]:
        """A line for each action and each error."""
        return [*map(format_action, self.actions), *(f"error: {error}" for error in self.errors)]

    def equals(self, other: "EventAnswer") -> bool:
        """Tell whether the same was done."""
        return (self.actions, self.errors) == (other.actions, other.errors)


@dataclass(frozen=True)
class Difference:
    """An event that is answered differently.

    Attributes:
        before: what was done; None where there was no such event.
        today: what is done; None where there is no such event.
    """

    before: EventAnswer | None
    today: EventAnswer | None

    def lines(self) -> Iterator[str]:
        """Yield what a person wants to know."""
        answer = self.before or self.today
        if answer is None:
            return
        rest = "" if self.before and self.today else "   (does not come today)"
        rest = rest if self.before else "   (did not come then)"
        yield f"at {answer.at_ms / 1000:.2f} s, {format_event(answer.event)}{rest}"
        before, today = (one.told if one else [] for one in (self.before, self.today))
        if before == today:
            today = [f"{line}   (another sound)" for line in today]
        yield from (f"  - {line}" for line in before or ["nothing"] if self.before)
        yield from (f"  + {line}" for line in today or ["nothing"] if self.today)

    def to_json(self) -> dict[str, Any]:
        """Return it for a program."""
        return {"before": _as_json(self.before), "today": _as_json(self.today)}


@dataclass(frozen=True)
class Comparison:
    """What was answered, and what is answered today.

    Attributes:
        recorded: the call as it was.
        same: how many answers are the same; silence is none.
        differences: in order.
    """

    recorded: RecordedCall
    same: int
    differences: Sequence[Difference]


def replay(recorded: RecordedCall, connect: BotConnector, *, is_elsewhere: bool) -> Comparison:
    """Do once more what the caller did, and compare.

    Args:
        recorded: the call as it was.
        reach: opens the way to the bot.
        is_elsewhere: whether the bot may remember the call of then; it gets a new session id.
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
    # What was not answered may as well not have been asked.
    return any(one and not one.is_empty for one in (then, now))


def _pairs(
    before: Sequence[EventAnswer], after: Sequence[EventAnswer]
) -> Iterator[tuple[EventAnswer | None, EventAnswer | None]]:
    """Yield the answers to the same event, of both calls, and those of one call alone."""
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
    """Return what makes two events the same: not what follows from what the bot said."""
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
