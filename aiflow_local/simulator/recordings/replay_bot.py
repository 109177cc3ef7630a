"""The bot of a recorded call: it answers as it did then, and sends by itself what it sent then."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from aiflow.protocol.types import JsonObject
from aiflow_local.simulator.engine.bot_port import Answered, Failed, Message, Outcome, Unanswered
from aiflow_local.simulator.engine.clock import Clock
from aiflow_local.simulator.engine.transcript import Entry, Kind

_HEADERS = {"content-type": "application/json"}


class RecordedBot:
    """A door behind which everything is answered as it was then.

    Args:
        entries: of the call.
        clock: of the call in which it is answered once more.
    """

    def __init__(self, entries: Sequence[Entry], clock: Clock) -> None:
        reading = _Reading()
        for entry in entries:
            reading.add(entry)
        self.reports_speech_started = reading.reports_speech_started
        self._outcomes = reading.outcomes
        self._by_itself = deque(reading.by_itself)
        self._clock = clock
        self._asked = 0
        self._last: JsonObject | None = None
        for each in self._by_itself:
            # Whoever holds the call must come by in that moment.
            clock.after(each.at_ms - clock.now_ms, _nothing)

    def send(self, event: JsonObject) -> Outcome:
        """Answer as it was answered then; what was not asked then, with nothing."""
        if event is not self._last:
            if self._last is not None and self._outcomes:
                self._outcomes.popleft()
            self._asked += 1
        self._last = event
        outcomes = self._outcomes[0] if self._outcomes else None
        if not outcomes:
            return Answered(204, {}, "", 0)
        # It may be asked once more, and have failed in the same way.
        return outcomes.popleft() if len(outcomes) > 1 else outcomes[0]

    def arrived(self) -> Sequence[Message | Failed]:
        """Return what came by itself up to now, once what was asked before it has been asked."""
        arrived: list[Message | Failed] = []
        while self._by_itself and self._is_due(self._by_itself[0]):
            arrived.append(self._by_itself.popleft().what)
        return arrived

    def _is_due(self, each: "_ByItself") -> bool:
        return each.at_ms <= self._clock.now_ms and each.asked <= self._asked


@dataclass(frozen=True)
class _ByItself:
    """Something that came when so much had been asked."""

    at_ms: int
    asked: int
    what: Message | Failed


class _Reading:
    """Reads entries, one after another."""

    def __init__(self) -> None:
        self.outcomes: deque[deque[Outcome]] = deque()
        self.by_itself: list[_ByItself] = []
        self.reports_speech_started = False
        self._is_asked = False

    def add(self, entry: Entry) -> None:
        """Read the next one."""
        match entry:
            case Entry(kind=Kind.EVENT, data={"event": {"type": name}}):
                self.outcomes.append(deque())
                self.reports_speech_started |= name == "user_speech_started"
            case Entry(kind=Kind.ANSWER) if self.outcomes:
                self._answer(entry)
            case Entry(kind=Kind.MESSAGE):
                self._add(entry, Message(entry.data["body"], None))
            case Entry(kind=Kind.PROBLEM, data={"problem": problem}):
                self._problem(entry, problem)
            case Entry(kind=Kind.NOTE, data={"unreachable": True}):
                self._give_up()
            case _:
                """It follows from the others."""
        if entry.kind not in {Kind.PROBLEM, Kind.NOTE}:
            self._is_asked = entry.kind is Kind.EVENT

    def _answer(self, entry: Entry) -> None:
        outcome, outcomes = _outcome(entry.data), self.outcomes[-1]
        # In real time an event has no answer at first.
        if isinstance(outcome, Message) and any(isinstance(one, Unanswered) for one in outcomes):
            self._add(entry, outcome)
        else:
            outcomes.append(outcome)

    def _problem(self, entry: Entry, problem: dict[str, Any]) -> None:
        failed = Failed(problem["code"], problem["message"], 0)
        if self._is_asked:
            self.outcomes[-1].append(failed)
        elif problem["code"] in _LOST:
            self._add(entry, failed)

    def _give_up(self) -> None:
        """Learn that what was read last was the end."""
        if self.by_itself and isinstance(last := self.by_itself[-1].what, Failed):
            final = replace(last, is_final=True)
            self.by_itself[-1] = replace(self.by_itself[-1], what=final)
        elif self.outcomes and self.outcomes[-1] and isinstance(self.outcomes[-1][-1], Failed):
            self.outcomes[-1][-1] = replace(self.outcomes[-1][-1], is_final=True)

    def _add(self, entry: Entry, what: Message | Failed) -> None:
        self.by_itself.append(_ByItself(entry.at_ms, len(self.outcomes), what))


_LOST = frozenset({"closed", "broken_off", "flood", "too_large", "not_utf8"})
"""How a connection is lost that nobody uses at the time."""


def _outcome(answer: dict[str, Any]) -> Outcome:
    if answer.get("status") is not None:
        return Answered(answer["status"], _HEADERS, answer["body"], answer["ms"])
    return Message(answer["body"], answer["ms"]) if answer["body"] else Unanswered()


def _nothing() -> None:
    pass
