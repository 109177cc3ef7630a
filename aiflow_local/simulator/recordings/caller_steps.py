"""What a caller did, told so that it can be done again in another call."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from aiflow_local.simulator.engine.caller import PhoneCall
from aiflow_local.simulator.engine.transcript import EntryKind

type StepKind = Literal["say", "press", "hang up", "set", "wait"]


@dataclass(frozen=True)
class CallerStep:
    """Something that the caller did.

    Attributes:
        act: what.
        words: that were said, or keys that were pressed.
        switches: of the service, that changed.
        silence_ms: how long nobody spoke before.
        after_ms: how far into a playback it was; None for when nobody spoke.
        skipped: how many playbacks were let pass before that one.
        settled: how many actions there had been when the silence began, and events.
        reached: how many actions there had been when the caller did it, and events.
    """

    kind: StepKind
    words: str = ""
    options: Mapping[str, Any] | None = None
    silence_ms: int = 0
    after_ms: int | None = None
    skipped: int = 0
    settled: tuple[int, int] = (0, 0)
    bot: tuple[int, int] = (0, 0)


def replay_step(step: CallerStep, call: PhoneCall) -> None:
    """Do it once more, in another call."""
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
    """Do it now, whatever was waited for then."""
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
            told = ", ".join(f"{name} is {value}" for name, value in change.items())
            call.writer.record(EntryKind.NOTE, f"from now on {told}", {"switches": change})
        case "wait":
            pass
