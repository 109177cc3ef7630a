"""`aiflow play`."""

from collections.abc import Sequence
from pathlib import Path
from typing import TypedDict, Unpack

import click

from aiflow_local.simulator.bots.cli_options import parse_service_options
from aiflow_local.simulator.bots.connector import TransportName
from aiflow_local.simulator.bots.target import Target
from aiflow_local.simulator.engine.options import ServiceOptions
from aiflow_local.stack.cli_options import (
    parameters_option,
    token_option,
    transport_option,
    url_option,
)

_ENDINGS = (".yaml", ".yml")
_SECONDS = 5.0
_EPILOG = f"""\b
Examples:
  aiflow play events/calls/agent.call.yaml
  aiflow play -v shop.call.yaml --set transfer=busy --set numbers=plus
  aiflow play *.call.yaml --url https://bot.example.com/webhook --token secret --junit report.xml
  aiflow event session_start | jq -c . | aiflow play - --json
\b
FILE.yaml has scenarios: actions of the caller and expected actions of the agent. They run in
virtual time; the agent of this project needs no socket.
Any other FILE, and `-`, has one event per line. They are sent one after another over HTTP or a
WebSocket. An event without "session" gets one. Blank lines and lines that start with # are skipped.

Service options: {", ".join(ServiceOptions.model_fields)}.

\b
Exit codes: 0 success, 1 a scenario failed or an answer breaks the protocol, 2 FILE or URL is not
valid."""


class _Target(TypedDict):
    url: str | None
    token: str | None
    parameters: tuple[str, ...]
    transport: TransportName | None


class _ForScenarios(TypedDict):
    settings: tuple[str, ...]
    verbose: bool
    junit: Path | None
    record: Path | None


class _Options(_Target, _ForScenarios):
    seconds: float | None
    as_json: bool


@click.command(epilog=_EPILOG)
@click.argument("files", metavar="FILE...", nargs=-1, required=True)
@url_option
@token_option("The API token to send.")
@parameters_option
@transport_option
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="NAME=VALUE",
    help="Override a service option of the scenarios, like transfer=busy; repeat it for several.",
)
@click.option(
    "--timeout",
    "seconds",
    type=click.FloatRange(min=0, min_open=True, max=600),
    help="Time limit of an answer in seconds; 5 by default.",
)
@click.option("-v", "--verbose", is_flag=True, help="Print each call while it runs.")
@click.option(
    "--json", "as_json", is_flag=True, help="Print a line of JSON for each scenario or event."
)
@click.option(
    "--junit",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the results to this file, as JUnit XML.",
)
@click.option(
    "--record",
    type=click.Path(file_okay=False, path_type=Path),
    help="Record each scenario to this folder, for `aiflow replay`.",
)
@click.pass_context
def command(context: click.Context, files: tuple[str, ...], **options: Unpack[_Options]) -> None:
    """Play the scenarios in FILE..., or send the events of an event script.

    Failures are printed with the transcript of the call.
    """
    scenario_files = [file for file in files if file.lower().endswith(_ENDINGS)]
    if scenario_files and len(scenario_files) < len(files):
        raise click.UsageError(
            "Play scenario files (.yaml) and event scripts with separate commands."
        )
    fine = _play_scenarios(files, options) if scenario_files else _play_scripts(files, options)
    context.exit(0 if fine else 1)


def _play_scenarios(files: Sequence[str], options: _Options) -> bool:
    from aiflow_local.simulator.scenarios.run import PlayOptions, play_scenarios  # noqa: PLC0415 - slow to load

    wanted = PlayOptions(
        options=parse_service_options(_settings(options)),
        as_json=options["as_json"],
        is_verbose=options["verbose"],
        junit=options["junit"],
        record=options["record"],
    )
    return play_scenarios(files, _target(options), wanted)


def _play_scripts(files: Sequence[str], options: _Options) -> bool:
    from aiflow_local.simulator.scripts.run import play_scripts  # noqa: PLC0415 - see above

    names = {
        "settings": "--set",
        "verbose": "--verbose",
        "junit": "--junit",
        "record": "--record",
        "transport": "--transport",
    }
    if foreign := [option for name, option in names.items() if options.get(name)]:
        raise click.UsageError(f"{foreign[0]} is for scenario files, which end in .yaml.")
    seconds = options["seconds"] or _SECONDS
    return play_scripts(files, _target(options), seconds, as_json=options["as_json"])


def _settings(options: _Options) -> list[str]:
    seconds = options["seconds"]
    limit = [] if seconds is None else [f"answer_deadline_ms={round(seconds * 1000)}"]
    return [*limit, *options["settings"]]


def _target(options: _Target) -> Target:
    return Target(options["url"], options["token"], options["parameters"], options["transport"])
