"""A call in this terminal, or in a pipe: everything that belongs to it, put together."""

import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext, redirect_stdout
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import click
from rich.console import Console

from aiflow_local.simulator.console.command_runner import Caller, State
from aiflow_local.simulator.console.json_lines import JsonLines
from aiflow_local.simulator.console.pacing import Patient, Spontaneous
from aiflow_local.simulator.console.real_time import Keyboard, converse_live
from aiflow_local.simulator.console.screen import Screen
from aiflow_local.simulator.console.summary import Tally
from aiflow_local.simulator.console.virtual_time import converse
from aiflow_local.simulator.engine.caller import PhoneCall
from aiflow_local.simulator.engine.clock import Clock
from aiflow_local.simulator.engine.formatting import seconds
from aiflow_local.simulator.engine.transcript import Entry
from aiflow_local.simulator.recordings.recording import Recording


class Face(Protocol):
    """How a call is shown."""

    def add(self, entry: Entry) -> None:
        """Show an entry of the transcript."""
        ...

    def tell(self, text: str) -> None:
        """Show a line that is no part of the call."""
        ...

    def complain(self, error: str) -> None:
        """Show an error of a handler, as Python told it."""
        ...

    def end(self, summary: str, *, is_fine: bool) -> None:
        """Show how it went."""
        ...


@dataclass(frozen=True)
class Style:
    """How a person wants to make the call.

    Attributes:
        is_real_time: whether playback takes its time.
        is_raw: whether programs read along.
    """

    is_real_time: bool
    is_raw: bool


class Session:
    """One call; `clock` is for it, `complain` for its bot.

    Args:
        style: how it is to be made.
    """

    def __init__(self, style: Style) -> None:
        self.tally = Tally()
        self._style = style
        self._is_typed = _is_terminal()
        self._keyboard = Keyboard()
        wait, ring = self._keyboard.wait, self._keyboard.ring
        self.clock = Clock(wait, ring) if style.is_real_time else Clock()
        # Else what a handler prints would stand between the lines.
        self._is_pure = style.is_raw and not self._is_typed
        self._face: Face = JsonLines(sys.stdout if self._is_pure else None)

    def complain(self, error: str) -> None:
        """Show and count an error of a handler."""
        self.tally.add_fault()
        self._face.complain(error)

    def hold(
        self, call: PhoneCall, look: Callable[[str], State] | None, recording: Recording | None
    ) -> None:
        """Make the call, from the first ring to the summary.

        Args:
            call: on the clock of this session.
            look: returns `call.state`; None where it cannot be seen.
            recording: where it is written down.
        """
        if not self._style.is_raw:
            self._face = Screen(Console(highlight=False), look)
        call.transcript.listener = self._listener(recording)
        if recording:
            recording.begin(call.party, call.switches)
        aside: AbstractContextManager[object] = nullcontext()
        with redirect_stdout(sys.stderr) if self._is_pure else aside:
            self._talk(call, look)
        self._face.end(str(self.tally), is_fine=self.tally.is_fine)

    def _listener(self, recording: Recording | None) -> Callable[[Entry], None]:
        def listen(entry: Entry) -> None:
            if recording:
                recording.add(entry)
            self.tally.add(entry)
            self._face.add(entry)

        return listen

    def _talk(self, call: PhoneCall, look: Callable[[str], State] | None) -> None:
        patient = Caller(call, Patient(call), self._face.tell, look)
        if not self._is_typed:
            converse(patient, _piped())
            return
        # Whoever pipes need not wait for what a terminal needs.
        from aiflow_local.simulator.console.prompt import Prompt, open_history  # noqa: PLC0415 - see above

        prompt = Prompt(lambda: _hint(call, self._style), open_history())
        self._face.tell("Type what the caller says. /help shows the rest, Ctrl-C hangs up.")
        if not self._style.is_real_time:
            converse(patient, prompt.lines())
            return
        from aiflow_local.simulator.console.terminal import type_along  # noqa: PLC0415 - see above

        caller = Caller(call, Spontaneous(call), self._face.tell, look)
        live = partial(converse_live, caller)
        type_along(prompt, self._keyboard, live, self._face.tell)


def _is_terminal() -> bool:
    # Either may be closed, and is None then.
    return bool(sys.stdin and sys.stdin.isatty() and sys.stdout and sys.stdout.isatty())


def _piped() -> Iterator[str]:
    if sys.stdin:
        for line in click.get_binary_stream("stdin"):
            yield line.decode(errors="replace")


def _hint(call: PhoneCall, style: Style) -> str:
    """Return what stands below the line that is typed."""
    playback = call.voice.current
    if style.is_real_time:
        return "The agent speaks: what you type interrupts it." if playback else "It is your turn."
    if call.outside.is_ringing:
        return "It is ringing. Enter: wait."
    if playback is None:
        return "It is your turn. /help shows what you can do."
    left = seconds(playback.started_ms + playback.duration_ms - call.clock.now_ms)
    return (
        f"The agent speaks for {left}. Enter: let it finish. /interrupt: cut in. Words: after it."
    )
