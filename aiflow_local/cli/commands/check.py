"""`aiflow check`."""

import json
import sys
from pathlib import Path

import click

from aiflow.protocol.actions import ACTION_TYPES
from aiflow.protocol.events import EVENT_TYPES
from aiflow.protocol.lint import Diagnostic
from aiflow_local.errors import Unreadable
from aiflow_local.linting import MAX_BYTES, Kind, LintResult, lint, parse

_COLOURS = {"ok": "green", "warning": "yellow", "error": "red"}
_MAX_LINES = 50
_UNREADABLE = 2

_EPILOG = """\b
Examples:
  aiflow check answer.json
  curl -s ... | aiflow check --as action
  aiflow event user_speak | aiflow check --json
\b
Exit codes: 0 no errors (there may be warnings), 1 errors, 2 unreadable input."""


@click.command(epilog=_EPILOG)
@click.argument("file", default="-")
@click.option(
    "--as",
    "kind",
    type=click.Choice(["event", "action", "response"]),
    help="The kind of the input; default: detected from its members.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_context
def command(context: click.Context, file: str, kind: Kind | None, *, as_json: bool) -> None:
    """Check the JSON in FILE, or standard input, against the protocol of AI Flow.

    An action is one object or an array of them; a response is {"status", "headers", "body"}.
    """
    try:
        result = lint(parse(_read(file)), kind)
        code = 1 if result.level == "error" else 0
    except Unreadable as error:
        result = LintResult(kind, None, (Diagnostic.error(error.code, "", str(error)),))
        code = _UNREADABLE
    name = "standard input" if file == "-" else click.format_filename(file)
    if as_json:
        click.echo(json.dumps(result.as_json()))
    elif code == _UNREADABLE:
        click.echo(f"aiflow: {name} {result.diagnostics[0].message}", err=True)
    else:
        _print(name, result)
    context.exit(code)


def _read(file: str) -> bytes:
    if file == "-":
        if sys.stdin.isatty():
            click.echo("Reading from the terminal; Ctrl-D ends.", err=True)
        return click.get_binary_stream("stdin").read(MAX_BYTES + 1)
    try:
        with Path(file).open("rb") as opened:
            return opened.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "the name is not valid"
        raise Unreadable("unreadable", f"cannot be read: {reason}") from None


def _print(name: str, result: LintResult) -> None:
    what = str(result.kind)
    if result.type in ACTION_TYPES or result.type in EVENT_TYPES:
        what = f"{what} {result.type}"
    click.echo(f"{name}: {what}: {click.style(_count(result), _COLOURS[result.level])}")
    for diagnostic in result.diagnostics[:_MAX_LINES]:
        severity = click.style(f"{diagnostic.severity:<7}", _COLOURS[diagnostic.severity])
        click.echo(f"  {severity}  {diagnostic}")
    if hidden := len(result.diagnostics) - _MAX_LINES:
        click.echo(f"  ... and {hidden} more; --json prints all") if hidden > 0 else None


def _count(result: LintResult) -> str:
    counts = {
        severity: sum(diagnostic.severity == severity for diagnostic in result.diagnostics)
        for severity in ("error", "warning")
    }
    words = [f"{n} {name}{'s' if n > 1 else ''}" for name, n in counts.items() if n]
    return ", ".join(words) or "ok"
