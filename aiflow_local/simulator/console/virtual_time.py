"""Calls in virtual time, one line after another."""

from collections.abc import Generator, Iterable
from contextlib import contextmanager

from aiflow_local.simulator.console.command_runner import CommandRunner
from aiflow_local.simulator.engine.caller import PhoneCall, hang_up_on_error


class HangupRequested(Exception):
    """The user pressed Ctrl-C to hang up."""


@contextmanager
def hang_up_when_interrupted(call: PhoneCall) -> Generator[None]:
    """Hang up when the caller presses Ctrl-C, or when the block fails."""
    with hang_up_on_error(call):
        try:
            yield
        except (HangupRequested, KeyboardInterrupt):
            call.hangs_up()


def run_lines(runner: CommandRunner, lines: Iterable[str]) -> None:
    """Start a call, run the lines, and hang up after the last one.

    No time passes between two lines. After the last line, the agent finishes.

    Args:
        runner: runs the lines.
        lines: typed lines; read only while the call goes on.
    """
    call = runner.call
    with hang_up_when_interrupted(call):
        call.begin()
        # Timers that are due now come before the first line.
        call.advance(0)
        if call.is_over:
            return
        for line in lines:
            runner.execute(line)
            call.advance(0)
            if call.is_over:
                return
        call.settle()
        call.hangs_up()
