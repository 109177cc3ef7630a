"""A call on virtual time, line by line."""

from collections.abc import Generator, Iterable
from contextlib import contextmanager

from aiflow_local.simulator.console.command_runner import CommandRunner
from aiflow_local.simulator.engine.caller import PhoneCall, hang_up_on_error


class HangupRequested(Exception):
    """Ctrl-C: the caller hangs up."""


@contextmanager
def hang_up_when_interrupted(call: PhoneCall) -> Generator[None]:
    """Hang up when the caller presses Ctrl-C, or when the block fails."""
    with hang_up_on_error(call):
        try:
            yield
        except (HangupRequested, KeyboardInterrupt):
            call.hangs_up()


def run_lines(caller: CommandRunner, lines: Iterable[str]) -> None:
    """Call, do what each line says, and hang up after the last one.

    No time passes while nothing is typed. After the last line the agent may finish.

    Args:
        caller: who does it.
        lines: what is typed; read only as long as the call goes on.
    """
    call = caller.call
    with hang_up_when_interrupted(call):
        call.begin()
        # What happens at this moment happens before anything is typed.
        call.advance(0)
        if call.is_over:
            return
        for line in lines:
            caller.execute(line)
            call.advance(0)
            if call.is_over:
                return
        call.settle()
        call.hangs_up()
