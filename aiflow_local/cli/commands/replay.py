"""`aiflow replay`."""

import json
import sys
from collections.abc import Callable
from contextlib import redirect_stdout
from pathlib import Path
from typing import TextIO, TypedDict, Unpack

import click
from rich.console import Console
from rich.text import Text

from aiflow_local.simulator.bots.target import Target, open_target
from aiflow_local.simulator.engine.formatting import printable_line
from aiflow_local.simulator.recordings.reader import RecordedCall, read_recording
from aiflow_local.simulator.recordings.replay import Comparison, replay
from aiflow_local.simulator.recordings.to_scenario import as_scenarios
from aiflow_local.stack.cli_options import parameters_option, read_all, token_option, url_option

_EPILOG = """\b
Examples:
  aiflow call --record call.jsonl
  aiflow replay call.jsonl
  aiflow replay call.jsonl --as-scenario > shop.call.yaml
  aiflow play shop.call.yaml --record before && aiflow replay before/*.jsonl
\b
The caller repeats its recorded actions at the same points: after the agent has finished, or at
an offset into a playback. `-` marks the recorded answer, `+` the answer of today.
\b
Exit codes: 0 all answers are equal, 1 an answer differs or a handler failed, 2 RECORDING or URL
is not valid."""


class _Options(TypedDict):
    url: str | None
    token: str | None
    parameters: tuple[str, ...]
    as_json: bool
    as_scenario: bool


@click.command(epilog=_EPILOG)
@click.argument("files", metavar="RECORDING...", nargs=-1, required=True)
@url_option
@token_option("The API token to send.")
@parameters_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON, a line for each recording.")
@click.option(
    "--as-scenario",
    is_flag=True,
    help="Print a scenario file that expects the recorded actions, and make no call.",
)
@click.pass_context
def command(context: click.Context, files: tuple[str, ...], **options: Unpack[_Options]) -> None:
    """Replay recorded calls, and print the answers that differ.

    RECORDING comes from `aiflow call --record` or `aiflow play --record`.
    """
    calls = read_all(files, lambda file: read_recording(Path(file)))
    if options["as_scenario"]:
        if any(options[name] for name in ("url", "parameters", "as_json")):
            raise click.UsageError(
                "--as-scenario makes no call: leave out --url, --parameter and --json."
            )
        click.echo(as_scenarios(calls), nl=False)
        return
    context.exit(0 if _replay(dict(zip(files, calls, strict=True)), options) else 1)


def _replay(calls: dict[str, RecordedCall], options: _Options) -> bool:
    errors: list[str] = []

    def report_error(error: str) -> None:
        errors.append(error)
        click.echo(error, err=True)

    out = sys.stdout
    show = _json_to(out) if options["as_json"] else _text_to(Console(highlight=False))
    target = Target(options["url"], options["token"], options["parameters"])
    is_same = True
    # Output of handlers must not mix with the JSON lines.
    with (
        redirect_stdout(sys.stderr if options["as_json"] else out),
        open_target(target, report_error) as connect,
    ):
        for file, recorded in calls.items():
            comparison = replay(recorded, connect, is_elsewhere=target.url is not None)
            show(file, comparison)
            is_same = is_same and not comparison.differences
    return is_same and not errors


type _Show = Callable[[str, Comparison], None]


def _json_to(out: TextIO) -> _Show:
    def show(file: str, comparison: Comparison) -> None:
        line = {
            "file": file,
            "name": comparison.recorded.name,
            "same": comparison.same,
            "differences": [each.to_json() for each in comparison.differences],
        }
        click.echo(json.dumps(line), file=out)

    return show


def _text_to(console: Console) -> _Show:
    styles = {"  -": "red", "  +": "green"}

    def show(file: str, comparison: Comparison) -> None:
        title = printable_line(f"{file}: {comparison.recorded.name}")
        console.print(Text(title, "bold"), soft_wrap=True)
        for difference in comparison.differences:
            for line in difference.lines():
                style = styles.get(line[:3], "")
                console.print(Text(f"  {printable_line(line)}", style), soft_wrap=True)
        console.print(Text(f"  {_summary(comparison)}", "dim"), soft_wrap=True)

    return show


def _summary(comparison: Comparison) -> str:
    different = len(comparison.differences)
    return f"{comparison.same} as before, {different or 'none'} different"
