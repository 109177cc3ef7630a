"""An interactive call: input, clock, view and statistics."""

import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext, redirect_stdout
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import click
from rich.console import Console

from aiflow_local.simulator.console.command_runner import CommandRunner, State
from aiflow_local.simulator.console.json_printer import JsonPrinter
from aiflow_local.simulator.console.pacing import RealTimePacing, VirtualTimePacing
from aiflow_local.simulator.console.real_time import InputQueue, run_in_real_time
from aiflow_local.simulator.console.statistics import CallStatistics
from aiflow_local.simulator.console.transcript_printer import TranscriptPrinter
from aiflow_local.simulator.console.virtual_time import run_lines
from aiflow_local.simulator.engine.caller import PhoneCall
from aiflow_local.simulator.engine.clock import Clock
from aiflow_local.simulator.engine.formatting import format_seconds
from aiflow_local.simulator.engine.transcript import TranscriptEntry
from aiflow_local.simulator.recordings.recording import Recording


class CallView(Protocol):
    """Shows a call."""

    def add(self, entry: TranscriptEntry) -> None:
        """Show a transcript entry."""
        ...

    def show_line(self, text: str) -> None:
        """Show a line that is not part of the transcript."""
        ...

    def report_error(self, error: str) -> None:
        """Show the traceback of a handler error."""
        ...

    def end(self, summary: str, *, is_ok: bool) -> None:
        """Show the summary."""
        ...


@dataclass(frozen=True)
class ConsoleOptions:
    """Options of an interactive call.

    Attributes:
        is_real_time: whether playback takes real time.
        is_raw: whether to print JSON lines.
    """

    is_real_time: bool
    is_raw: bool


class ConsoleSession:
    """Runs one interactive call.

    Args:
        console_options: how to run it.
    """

    def __init__(self, console_options: ConsoleOptions) -> None:
        self.statistics = CallStatistics()
        self._console_options = console_options
        self._is_terminal_session = _is_terminal()
        self._input_queue = InputQueue()
        wait, notify = self._input_queue.wait, self._input_queue.notify
        self.clock = Clock(wait, notify) if console_options.is_real_time else Clock()
        # Output of handlers must not mix with the JSON lines.
        self._keeps_stdout_clean = console_options.is_raw and not self._is_terminal_session
        self._view: CallView = JsonPrinter(sys.stdout if self._keeps_stdout_clean else None)

    def report_error(self, error: str) -> None:
        """Show and count a handler error."""
        self.statistics.add_handler_error()
        self._view.report_error(error)

    def run(
        self,
        call: PhoneCall,
        read_state: Callable[[str], State] | None,
        recording: Recording | None,
    ) -> None:
        """Run the call and show the summary.

        Args:
            call: a call on the clock of this session.
            read_state: returns `call.state` of a session; None if it is not accessible.
            recording: where to record the call.
        """
        if not self._console_options.is_raw:
            self._view = TranscriptPrinter(Console(highlight=False), read_state)
        call.transcript.listener = self._listener(recording)
        if recording:
            recording.begin(call.parties, call.options)
        unchanged: AbstractContextManager[object] = nullcontext()
        with redirect_stdout(sys.stderr) if self._keeps_stdout_clean else unchanged:
            self._run_lines(call, read_state)
        self._view.end(str(self.statistics), is_ok=self.statistics.is_ok)

    def _listener(self, recording: Recording | None) -> Callable[[TranscriptEntry], None]:
        def listen(entry: TranscriptEntry) -> None:
            if recording:
                recording.add(entry)
            self.statistics.add(entry)
            self._view.add(entry)

        return listen

    def _run_lines(self, call: PhoneCall, read_state: Callable[[str], State] | None) -> None:
        runner = CommandRunner(call, VirtualTimePacing(call), self._view.show_line, read_state)
        if not self._is_terminal_session:
            run_lines(runner, _piped())
            return
        # Input from a pipe does not load the terminal libraries.
        from aiflow_local.simulator.console.prompt import Prompt, open_history  # noqa: PLC0415 - see above

        prompt = Prompt(lambda: _hint(call, self._console_options), open_history())
        self._view.show_line("Type what the caller says. /help lists commands, Ctrl-C hangs up.")
        if not self._console_options.is_real_time:
            run_lines(runner, prompt.lines())
            return
        from aiflow_local.simulator.console.terminal import read_while_running  # noqa: PLC0415 - see above

        runner = CommandRunner(call, RealTimePacing(call), self._view.show_line, read_state)
        live = partial(run_in_real_time, runner)
        read_while_running(prompt, self._input_queue, live, self._view.show_line)


def _is_terminal() -> bool:
    # A closed stream is None.
    return bool(sys.stdin and sys.stdin.isatty() and sys.stdout and sys.stdout.isatty())


def _piped() -> Iterator[str]:
    if sys.stdin:
        for line in click.get_binary_stream("stdin"):
            yield line.decode(errors="replace")


def _hint(call: PhoneCall, console_options: ConsoleOptions) -> str:
    """Return the text below the input line."""
    playback = call.playback_queue.current
    if console_options.is_real_time:
        return "The agent speaks: what you type interrupts it." if playback else "It is your turn."
    if call.carrier.is_ringing:
        return "The transfer is ringing. Enter: wait."
    if playback is None:
        return "It is your turn. /help lists commands."
    left = format_seconds(playback.started_ms + playback.duration_ms - call.clock.now_ms)
    choices = "Enter: wait for its end. /interrupt: speak now. Words: speak after it."
    return f"The agent speaks for {left}. {choices}"
