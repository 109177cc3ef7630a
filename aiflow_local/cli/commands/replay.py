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

from aiflow_local.simulator.bots.target import Target, reachable
from aiflow_local.simulator.engine.formatting import visible
from aiflow_local.simulator.recordings.reader import Recorded, read_recording
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
The caller does the same as then, and waits for the same: for the end of what the agent says, or
for a moment in it. `-` was answered then, `+` is answered today.
\b
Exit codes: 0 all is answered as it was, 1 something is not or a handler failed, 2 RECORDING or
URL cannot be read."""


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
    help="Call nobody: print a scenario file in which the agent is expected to do what it did.",
)
@click.pass_context
def command(context: click.Context, files: tuple[str, ...], **options: Unpack[_Options]) -> None:
    """Hold recorded calls once more, and show what is answered differently.

    RECORDING is of `aiflow call --record` or `aiflow play --record`.
    """
    calls = read_all(files, lambda file: read_recording(Path(file)))
    if options["as_scenario"]:
        if any(options[name] for name in ("url", "parameters", "as_json")):
            raise click.UsageError("--as-scenario calls nobody, and prints YAML.")
        click.echo(as_scenarios(calls), nl=False)
        return
    context.exit(0 if _replay(dict(zip(files, calls, strict=True)), options) else 1)


def _replay(calls: dict[str, Recorded], options: _Options) -> bool:
    errors: list[str] = []

    def complain(error: str) -> None:
        errors.append(error)
        click.echo(error, err=True)

    out = sys.stdout
    show = _json_to(out) if options["as_json"] else _text_to(Console(highlight=False))
    target = Target(options["url"], options["token"], options["parameters"])
    is_same = True
    # What a handler prints must not stand between lines of JSON.
    with (
        redirect_stdout(sys.stderr if options["as_json"] else out),
        reachable(target, complain) as reach,
    ):
        for file, recorded in calls.items():
            comparison = replay(recorded, reach, is_elsewhere=target.url is not None)
            show(file, comparison)
            is_same = is_same and not comparison.differences
    return is_same and not errors


type _Show = Callable[[str, Comparison], None]


def _json_to(out: TextIO) -> _Show:
    def show(file: str, comparison: Comparison) -> None:
        told = {
            "file": file,
            "name": comparison.recorded.name,
            "same": comparison.same,
            "differences": [each.to_json() for each in comparison.differences],
        }
        click.echo(json.dumps(told), file=out)

    return show


def _text_to(console: Console) -> _Show:
    styles = {"  -": "red", "  +": "green"}

    def show(file: str, comparison: Comparison) -> None:
        title = visible(f"{file}: {comparison.recorded.name}")
        console.print(Text(title, "bold"), soft_wrap=True)
        for difference in comparison.differences:
            for line in difference.lines():
                style = styles.get(line[:3], "")
                console.print(Text(f"  {visible(line)}", style), soft_wrap=True)
        console.print(Text(f"  {_summary(comparison)}", "dim"), soft_wrap=True)

    return show


def _summary(comparison: Comparison) -> str:
    different = len(comparison.differences)
    return f"{comparison.same} as before, {different or 'none'} different"
