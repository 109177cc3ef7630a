"""A bot that gives the answers of a recorded call."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from aiflow.protocol.types import JsonObject
from aiflow_local.simulator.engine.bot_connection import (
    DeliveryFailure,
    DeliveryResult,
    HttpResponse,
    NoResponse,
    WebSocketMessage,
)
from aiflow_local.simulator.engine.clock import Clock
from aiflow_local.simulator.engine.transcript import EntryKind, TranscriptEntry

_HEADERS = {"content-type": "application/json"}


class ReplayBot:
    """Connection that returns the recorded answers and unsolicited messages.

    Args:
        entries: transcript entries of the recorded call.
        clock: clock of the new call.
    """

    def __init__(self, entries: Sequence[TranscriptEntry], clock: Clock) -> None:
        reading = _RecordingParser()
        for entry in entries:
            reading.add(entry)
        self.reports_speech_started = reading.reports_speech_started
        self._outcomes = reading.outcomes
        self._unsolicited = deque(reading.unsolicited)
        self._clock = clock
        self._sent = 0
        self._last: JsonObject | None = None
        for each in self._unsolicited:
            # A timer makes the call process the message at that time.
            clock.after(each.at_ms - clock.now_ms, _no_op)

    def send(self, event: JsonObject) -> DeliveryResult:
        """Return the recorded answer; no content for an event that was not recorded."""
        if event is not self._last:
            if self._last is not None and self._outcomes:
                self._outcomes.popleft()
            self._sent += 1
        self._last = event
        outcomes = self._outcomes[0] if self._outcomes else None
        if not outcomes:
            return HttpResponse(204, {}, "", 0)
        # A repeated request may fail in the same way.
        return outcomes.popleft() if len(outcomes) > 1 else outcomes[0]

    def take_unsolicited(self) -> Sequence[WebSocketMessage | DeliveryFailure]:
        """Return recorded messages that are due, after the events that came before them."""
        arrived: list[WebSocketMessage | DeliveryFailure] = []
        while self._unsolicited and self._is_due(self._unsolicited[0]):
            arrived.append(self._unsolicited.popleft().what)
        return arrived

    def _is_due(self, each: "_Unsolicited") -> bool:
        return each.at_ms <= self._clock.now_ms and each.sent <= self._sent


@dataclass(frozen=True)
class _Unsolicited:
    """A message or failure, and the number of events before it."""

    at_ms: int
    sent: int
    what: WebSocketMessage | DeliveryFailure


class _RecordingParser:
    """Collects answers and unsolicited messages from transcript entries."""

    def __init__(self) -> None:
        self.outcomes: deque[deque[DeliveryResult]] = deque()
        self.unsolicited: list[_Unsolicited] = []
        self.reports_speech_started = False
        self._is_answering = False

    def add(self, entry: TranscriptEntry) -> None:
        """Parse the next entry."""
        match entry:
            case TranscriptEntry(kind=EntryKind.EVENT, data={"event": {"type": name}}):
                self.outcomes.append(deque())
                self.reports_speech_started |= name == "user_speech_started"
            case TranscriptEntry(kind=EntryKind.ANSWER) if self.outcomes:
                self._answer(entry)
            case TranscriptEntry(kind=EntryKind.MESSAGE):
                self._add(entry, WebSocketMessage(entry.data["body"], None))
            case TranscriptEntry(kind=EntryKind.PROBLEM, data={"problem": problem}):
                self._problem(entry, problem)
            case TranscriptEntry(kind=EntryKind.NOTE, data={"unreachable": True}):
                self._mark_final()
            case _:
                """Other entries follow from these."""
        if entry.kind not in {EntryKind.PROBLEM, EntryKind.NOTE}:
            self._is_answering = entry.kind is EntryKind.EVENT

    def _answer(self, entry: TranscriptEntry) -> None:
        outcome, outcomes = _outcome(entry.data), self.outcomes[-1]
        # In real time, the answer comes after the event is recorded as unanswered.
        if isinstance(outcome, WebSocketMessage) and any(
            isinstance(one, NoResponse) for one in outcomes
        ):
            self._add(entry, outcome)
        else:
            outcomes.append(outcome)

    def _problem(self, entry: TranscriptEntry, problem: dict[str, Any]) -> None:
        failed = DeliveryFailure(problem["code"], problem["message"], 0)
        if self._is_answering:
            self.outcomes[-1].append(failed)
        elif problem["code"] in _CONNECTION_LOST:
            self._add(entry, failed)

    def _mark_final(self) -> None:
        """Mark the last failure as final."""
        if self.unsolicited and isinstance(last := self.unsolicited[-1].what, DeliveryFailure):
            final = replace(last, is_permanent=True)
            self.unsolicited[-1] = replace(self.unsolicited[-1], what=final)
        elif (
            self.outcomes
            and self.outcomes[-1]
            and isinstance(self.outcomes[-1][-1], DeliveryFailure)
        ):
            self.outcomes[-1][-1] = replace(self.outcomes[-1][-1], is_permanent=True)

    def _add(self, entry: TranscriptEntry, what: WebSocketMessage | DeliveryFailure) -> None:
        self.unsolicited.append(_Unsolicited(entry.at_ms, len(self.outcomes), what))


_CONNECTION_LOST = frozenset({"closed", "broken_off", "flood", "too_large", "not_utf8"})
"""Codes of a connection that was lost between two events."""


def _outcome(answer: dict[str, Any]) -> DeliveryResult:
    if answer.get("status") is not None:
        return HttpResponse(answer["status"], _HEADERS, answer["body"], answer["ms"])
    return WebSocketMessage(answer["body"], answer["ms"]) if answer["body"] else NoResponse()


def _no_op() -> None:
    pass
