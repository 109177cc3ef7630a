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
    "replay": "Replay recorded calls, and show which answers differ.",
    "check": "Check an event, an answer or a response against the protocol.",
    "event": "Print a sample event.",
    "schema": "Print the JSON Schema of events, actions or scenarios.",
    "compile": "Compile the output of sam build: halves the time of a cold start.",
    "token": "Generate an API token and its digest.",
    "rotate": "Rotate the token of a stack without rejecting a call.",
    "doctor": "Check the prerequisites of a deployment, and the deployed stack.",
    "calls": "List, show, export and erase the calls that a stack stores.",
}
_INTERRUPTED = 130
_WRITE_ERRORS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO})


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
    """Develop phone agents for sipgate AI Flow locally, and operate them on AWS."""
    if os.environ.get("NO_COLOR"):
        context.color = False


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit.

    Exit codes: 0 success, 1 failure, 2 invalid command line or input, 130 interrupted.
    """
    _replace_closed_streams()
    for stream in (sys.stdout, sys.stderr):
        # Characters that the encoding lacks, or lone surrogates, become escape sequences.
        cast("_Stream", stream).reconfigure(errors="backslashreplace")
    try:
        code = _run(arguments)
    except OSError as error:
        code = _report_write_error(error)
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        _discard_output()
    except OSError as error:
        code = _report_write_error(error)
    sys.exit(code)


def _replace_closed_streams() -> None:
    """Replace closed output streams with the null device, as for `aiflow call >&-`."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            null = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - open until exit
            setattr(sys, name, null)


def _report_write_error(error: OSError) -> int:
    """Print one line for an error of writing the output; raise any other error again."""
    if error.errno not in _WRITE_ERRORS:
        raise error
    _discard_output()
    click.echo(f"aiflow: the output cannot be written: {error.strerror}", err=True)
    return 1


def _discard_output() -> None:
    # Otherwise Python prints an error at exit, when it flushes the rest of the output.
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
