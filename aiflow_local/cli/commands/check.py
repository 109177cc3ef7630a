"""`aiflow check`."""

import json
import sys
from pathlib import Path

import click

from aiflow.protocol.actions import ACTION_TYPES
from aiflow.protocol.events import EVENT_TYPES
from aiflow.protocol.lint import Diagnostic
from aiflow_local.checking import MAX_BYTES, Kind, Verdict, judge, parse
from aiflow_local.errors import Unreadable

_COLOURS = {"ok": "green", "warning": "yellow", "error": "red"}
_MOST_LINES = 50
_UNREADABLE = 2

_EPILOG = """\b
Examples:
  aiflow check answer.json
  curl -s ... | aiflow check --as action
  aiflow event user_speak | aiflow check --json
\b
Exit codes: 0 fine (perhaps with warnings), 1 errors, 2 not readable."""


@click.command(epilog=_EPILOG)
@click.argument("file", default="-")
@click.option(
    "--as",
    "kind",
    type=click.Choice(["event", "action", "response"]),
    help="Judge it as this; otherwise it is told from its members.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, for programs.")
@click.pass_context
def command(context: click.Context, file: str, kind: Kind | None, *, as_json: bool) -> None:
    """Judge the JSON in FILE, or standard input, by the protocol of AI Flow.

    An action is one object or an array of them; a response is {"status", "headers", "body"}.
    """
    try:
        verdict = judge(parse(_read(file)), kind)
        code = 1 if verdict.level == "error" else 0
    except Unreadable as error:
        verdict = Verdict(kind, None, (Diagnostic.error(error.code, "", str(error)),))
        code = _UNREADABLE
    name = "standard input" if file == "-" else click.format_filename(file)
    if as_json:
        click.echo(json.dumps(verdict.as_json()))
    elif code == _UNREADABLE:
        click.echo(f"aiflow: {name} {verdict.problems[0].message}", err=True)
    else:
        _print(name, verdict)
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
        reason = error.strerror if isinstance(error, OSError) else "no name of a file"
        raise Unreadable("unreadable", f"cannot be read: {reason}") from None


def _print(name: str, verdict: Verdict) -> None:
    what = str(verdict.kind)
    if verdict.type in ACTION_TYPES or verdict.type in EVENT_TYPES:
        what = f"{what} {verdict.type}"
    click.echo(f"{name}: {what}: {click.style(_count(verdict), _COLOURS[verdict.level])}")
    for problem in verdict.problems[:_MOST_LINES]:
        severity = click.style(f"{problem.severity:<7}", _COLOURS[problem.severity])
        click.echo(f"  {severity}  {problem}")
    if hidden := len(verdict.problems) - _MOST_LINES:
        click.echo(f"  ... and {hidden} more; --json prints all") if hidden > 0 else None


def _count(verdict: Verdict) -> str:
    counts = {
        severity: sum(problem.severity == severity for problem in verdict.problems)
        for severity in ("error", "warning")
    }
    words = [f"{n} {name}{'s' if n > 1 else ''}" for name, n in counts.items() if n]
    return ", ".join(words) or "ok"
