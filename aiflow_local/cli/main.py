"""The command line: `aiflow COMMAND`."""

import errno
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TextIO, cast

import click

from aiflow_local.cli.lazy_group import LazyGroup
from aiflow_local.errors import LocalError

COMMANDS: Mapping[str, str] = {
    "call": "Call your agent, or any bot, and talk to it in this terminal.",
    "serve": "Serve the stack on this machine, with the real handlers.",
    "play": "Play scenarios, or a scripted call.",
    "replay": "Hold recorded calls once more: what is answered differently?",
    "check": "Judge an event, an answer or a response by the protocol.",
    "event": "Print a mock event.",
    "schema": "Print the JSON Schema of all events or actions.",
    "compile": "Add bytecode to what sam build built: cold starts take half as long.",
    "token": "Make an API token and its digest.",
    "rotate": "Change the token of a stack without losing a call.",
    "doctor": "Check what a deployment needs, and whether what is deployed answers.",
    "calls": "List, show, export and erase the calls that a stack keeps.",
}
_INTERRUPTED = 130
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO})


class _Commands(LazyGroup):
    package = "aiflow_local.cli.commands"
    summaries = COMMANDS


@click.command(
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="aiflow COMMAND --help shows the options of a command, and examples.",
)
@click.version_option(package_name="aiflow-serverless", prog_name="aiflow")
@click.pass_context
def cli(context: click.Context) -> None:
    """Build phone agents for sipgate AI Flow on your own machine, and operate them in the cloud."""
    if os.environ.get("NO_COLOR"):
        context.color = False


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit.

    Exit codes: 0 fine, 1 not fine, 2 what was asked for cannot be read, 130 interrupted.
    """
    _open_what_is_closed()
    for stream in (sys.stdout, sys.stderr):
        # What cannot be printed, a lone surrogate say, is printed as its escape sequence.
        cast("_Stream", stream).reconfigure(errors="backslashreplace")
    try:
        code = _run(arguments)
    except OSError as error:
        code = _unwritten(error)
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        _write_to_nowhere()
    except OSError as error:
        code = _unwritten(error)
    sys.exit(code)


def _open_what_is_closed() -> None:
    """Write to nowhere where whoever started the command closed an output: `aiflow call >&-`."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            nowhere = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - open to the end
            setattr(sys, name, nowhere)


def _unwritten(error: OSError) -> int:
    """Say in one line that the output took no more."""
    if error.errno not in _FULL:
        raise error
    _write_to_nowhere()
    click.echo(f"aiflow: the output cannot be written: {error.strerror}", err=True)
    return 1


def _write_to_nowhere() -> None:
    # What is left over cannot be written: Python would complain when it flushes it at its end.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


class _Stream(TextIO):
    def reconfigure(self, *, errors: str) -> None: ...


def _run(arguments: Sequence[str] | None) -> int:
    try:
        code: object = cli.main(arguments, prog_name="aiflow", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except LocalError as error:
        click.echo(f"aiflow: {error}", err=True)
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        return _INTERRUPTED
    return code if isinstance(code, int) else 0
