"""What a caller did, told so that it can be done again in another call."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from aiflow_local.simulator.engine.caller import PhoneCall
from aiflow_local.simulator.engine.transcript import Kind

type Act = Literal["say", "press", "hang up", "set", "wait"]


@dataclass(frozen=True)
class Move:
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

    act: Act
    words: str = ""
    switches: Mapping[str, Any] | None = None
    silence_ms: int = 0
    after_ms: int | None = None
    skipped: int = 0
    settled: tuple[int, int] = (0, 0)
    reached: tuple[int, int] = (0, 0)


def do(move: Move, call: PhoneCall) -> None:
    """Do it once more, in another call."""
    if move.act != "set":
        _approach(move, call)
    perform(move, call)


def _approach(move: Move, call: PhoneCall) -> None:
    if move.silence_ms or move.after_ms is None:
        call.settle()
        call.lets_pass(move.silence_ms)
    if move.after_ms is not None:
        for _ in range(move.skipped):
            _listen_to_its_end(call)
        call.listens(move.after_ms)


def _listen_to_its_end(call: PhoneCall) -> None:
    call.listens(0)
    playback = call.voice.current
    while playback and call.voice.current is playback and call.step(playback.end.at_ms):
        pass


def perform(move: Move, call: PhoneCall) -> None:
    """Do it now, whatever was waited for then."""
    if call.is_over:
        return
    match move.act:
        case "say":
            call.says_now(move.words)
        case "press":
            call.presses_now(move.words)
        case "hang up":
            call.hangs_up()
        case "set":
            change = dict(move.switches or {})
            call.switches = call.switches.model_copy(update=change)
            told = ", ".join(f"{name} is {value}" for name, value in change.items())
            call.scribe.take_down(Kind.NOTE, f"from now on {told}", {"switches": change})
        case "wait":
            pass
