"""Reconstructs the actions of the caller from a recorded call.

The times alone are not enough, since the agent may speak longer in a replay. To find out what the
caller waited for, this repeats the call with a bot that gives the recorded answers.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from aiflow_local.simulator.engine.caller import KEY_GAP_MS, PhoneCall
from aiflow_local.simulator.engine.clock import Clock
from aiflow_local.simulator.engine.transcript import EntryKind, TranscriptEntry
from aiflow_local.simulator.recordings.caller_steps import CallerStep, perform_step
from aiflow_local.simulator.recordings.reader import RecordedCall
from aiflow_local.simulator.recordings.replay_bot import ReplayBot

_FOREVER_MS = 2**53
_MARKS = (EntryKind.EVENT, EntryKind.HEARD, EntryKind.SAID)


@dataclass(frozen=True)
class ReconstructedCall:
    """The caller's side of a recorded call.

    Attributes:
        steps: actions of the caller in order.
        is_over: whether the call had ended at the end of the recording.
    """

    steps: Sequence[CallerStep]
    is_over: bool


def reconstruct(recorded: RecordedCall) -> ReconstructedCall:
    """Return the actions of the caller in a recorded call."""
    reconstruction = _Reconstruction(recorded)
    return ReconstructedCall(list(reconstruction.steps()), reconstruction.call.is_over)


@dataclass(frozen=True)
class _TimedStep:
    """A step, its time, and the number of transcript entries before it."""

    at_ms: int
    before: int
    step: CallerStep


class _Reconstruction:
    """Repeats a recorded call and inspects it at each action of the caller."""

    def __init__(self, recorded: RecordedCall) -> None:
        clock = Clock()
        bot = ReplayBot(recorded.entries, clock)
        self.call = PhoneCall(bot, recorded.options, recorded.parties, clock)
        self._entries = recorded.entries
        self._settled_ms: int | None = None
        self._settled = (0, 0)
        self._heard = 0

    def steps(self) -> Iterator[CallerStep]:
        """Yield the actions of the caller."""
        timed_steps = deque(_timed_steps(self._entries))
        self.call.begin()
        while timed_steps:
            timed = timed_steps.popleft()
            self._go_to(timed.at_ms, timed.before)
            if timed.step.kind == "set":
                perform_step(timed.step, self.call)
                yield timed.step
                continue
            located = self._with_waits(timed.step)
            yield (
                self._say(located, timed_steps) if located.kind == "say" else self._perform(located)
            )
            self._settled_ms = None
            self._heard = self._number(EntryKind.HEARD)
        if self._entries and not self.call.is_over:
            self._go_to(self._entries[-1].at_ms, len(self._entries))
            if self._settled_ms is not None and self._settled_ms < self._entries[-1].at_ms:
                yield self._with_waits(CallerStep("wait"))

    def _perform(self, step: CallerStep) -> CallerStep:
        perform_step(step, self.call)
        return step

    def _say(self, step: CallerStep, timed_steps: deque[_TimedStep]) -> CallerStep:
        """Speak, and add utterances that the caller started within the same turn."""
        call = self.call
        turn = call.starts_saying(step.words)
        while turn and call.recognizer.turn is turn:
            if call.step(timed_steps[0].at_ms if timed_steps else _FOREVER_MS):
                continue
            if call.is_over or not timed_steps or timed_steps[0].step.kind != "say":
                break
            more = timed_steps.popleft()
            call.clock.now_ms = max(call.clock.now_ms, more.at_ms)
            call.starts_saying(more.step.words)
            step = replace(step, words=f"{step.words} {more.step.words}".strip())
        return step

    def _go_to(self, at_ms: int, before: int) -> None:
        """Advance to a time at which the call has this number of entries."""
        call = self.call
        self._settle(at_ms - 1)
        while call.step(at_ms - 1):
            pass
        # Some timers of this millisecond may have come after the step.
        while self._number(*_MARKS) < before and call.step(at_ms):
            pass
        call.clock.now_ms = max(call.clock.now_ms, at_ms)
        self._note_if_settled()

    def _settle(self, until_ms: int) -> None:
        call = self.call
        while call.step(until_ms if self._is_busy else min(until_ms, call.clock.now_ms)):
            pass
        if call.clock.now_ms <= until_ms:
            self._note_if_settled()

    def _note_if_settled(self) -> None:
        if self._settled_ms is None and not self._is_busy:
            self._settled_ms = self.call.clock.now_ms
            self._settled = self._so_far()

    @property
    def _is_busy(self) -> bool:
        call = self.call
        return bool(call.playback_queue.current or call.recognizer.turn or call.carrier.is_ringing)

    def _with_waits(self, step: CallerStep) -> CallerStep:
        """Return a step with what the caller waited for."""
        call, playback = self.call, self.call.playback_queue.current
        now_ms, since_ms = call.clock.now_ms, self._settled_ms
        until_ms = playback.started_ms if playback else now_ms
        skipped = self._number(EntryKind.HEARD) - self._heard
        return replace(
            step,
            silence_ms=0 if since_ms is None else until_ms - since_ms,
            after_ms=now_ms - playback.started_ms if playback else None,
            skipped=skipped if playback and since_ms is None else 0,
            settled=self._so_far() if since_ms is None else self._settled,
            reached=self._so_far(),
        )

    def _so_far(self) -> tuple[int, int]:
        return len(self.call.actions), self._number(EntryKind.EVENT)

    def _number(self, *kinds: EntryKind) -> int:
        return sum(entry.kind in kinds for entry in self.call.transcript.entries)


def _timed_steps(entries: Sequence[TranscriptEntry]) -> Iterator[_TimedStep]:
    """Yield steps with their times; consecutive keys are one step."""
    row: _TimedStep | None = None
    last_ms = before = 0
    for entry in entries:
        step = _step_of(entry)
        goes_on = row and row.step.kind == "press" and entry.at_ms == last_ms + KEY_GAP_MS
        if row and goes_on and step and step.kind == "press":
            row = replace(row, step=replace(row.step, words=row.step.words + step.words))
        elif step:
            if row:
                yield row
            row = _TimedStep(entry.at_ms, before, step)
        if step:
            last_ms = entry.at_ms
        before += entry.kind in _MARKS
    if row:
        yield row


def _step_of(entry: TranscriptEntry) -> CallerStep | None:
    data = entry.data
    if entry.kind is EntryKind.NOTE and "switches" in data:
        return CallerStep("set", options=data["switches"])
    if entry.kind is not EntryKind.SAID:
        return None
    if "words" in data:
        return CallerStep("say", data["words"])
    return CallerStep("press", data["key"]) if "key" in data else CallerStep("hang up")
