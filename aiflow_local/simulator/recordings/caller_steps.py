"""Steps of a recorded caller that can be repeated in another call."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from aiflow_local.simulator.engine.caller import PhoneCall
from aiflow_local.simulator.engine.transcript import EntryKind

type StepKind = Literal["say", "press", "hang up", "set", "wait"]


@dataclass(frozen=True)
class CallerStep:
    """An action of the caller.

    Attributes:
        kind: kind of the action.
        words: spoken words, or pressed keys.
        options: changed service options.
        silence_ms: silence of both sides before the step.
        after_ms: offset into a playback; None if nothing was playing.
        skipped: number of playbacks that the caller heard completely before that one.
        settled: numbers of actions and events when the silence began.
        reached: numbers of actions and events when the caller acted.
    """

    kind: StepKind
    words: str = ""
    options: Mapping[str, Any] | None = None
    silence_ms: int = 0
    after_ms: int | None = None
    skipped: int = 0
    settled: tuple[int, int] = (0, 0)
    reached: tuple[int, int] = (0, 0)


def replay_step(step: CallerStep, call: PhoneCall) -> None:
    """Wait for the right moment and perform the step in another call."""
    if step.kind != "set":
        _approach(step, call)
    perform_step(step, call)


def _approach(step: CallerStep, call: PhoneCall) -> None:
    if step.silence_ms or step.after_ms is None:
        call.settle()
        call.advance(step.silence_ms)
    if step.after_ms is not None:
        for _ in range(step.skipped):
            _listen_to_its_end(call)
        call.listen_until(step.after_ms)


def _listen_to_its_end(call: PhoneCall) -> None:
    call.listen_until(0)
    playback = call.playback_queue.current
    while playback and call.playback_queue.current is playback and call.step(playback.end.at_ms):
        pass


def perform_step(step: CallerStep, call: PhoneCall) -> None:
    """Perform the step immediately."""
    if call.is_over:
        return
    match step.kind:
        case "say":
            call.says_now(step.words)
        case "press":
            call.presses_now(step.words)
        case "hang up":
            call.hangs_up()
        case "set":
            change = dict(step.options or {})
            call.options = call.options.model_copy(update=change)
            text = ", ".join(f"{name} is {value}" for name, value in change.items())
            call.writer.record(EntryKind.NOTE, f"from now on {text}", {"switches": change})
        case "wait":
            pass
