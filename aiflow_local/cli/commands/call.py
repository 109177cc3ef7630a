"""`aiflow call`."""

from contextlib import ExitStack
from pathlib import Path
from typing import TypedDict, Unpack

import click

from aiflow_local.errors import LocalError
from aiflow_local.simulator.bots.cli_options import (
    parse_phone_number,
    parse_service_options,
    session_id_of,
)
from aiflow_local.simulator.bots.connector import TransportName
from aiflow_local.simulator.bots.target import Target, open_target
from aiflow_local.simulator.console.session import ConsoleOptions, ConsoleSession
from aiflow_local.simulator.engine.caller import PhoneCall
from aiflow_local.simulator.engine.options import ServiceOptions
from aiflow_local.simulator.engine.parties import CallParties
from aiflow_local.simulator.recordings.recording import Recording
from aiflow_local.stack.cli_options import (
    parameters_option,
    token_option,
    transport_option,
    url_option,
)

_EPILOG = f"""\b
Examples:
  aiflow call
  aiflow call --url https://bot.example.com/webhook --token secret
  aiflow call --url wss://bot.example.com/live --real-time
  aiflow call --set transfer=busy --record call.jsonl
  printf 'hello\\n/keys 1\\ngoodbye\\n' | aiflow call
\b
Type what the caller says; /help lists commands.
Lines from a pipe are a whole call: after the last line, the caller hangs up.

Service options: {", ".join(ServiceOptions.model_fields)}.

\b
Exit codes: 0 success, 1 an answer breaks the protocol or a handler failed,
2 the call cannot start."""


class _Target(TypedDict):
    url: str | None
    token: str | None
    parameters: tuple[str, ...]
    transport: TransportName | None


class _Party(TypedDict):
    caller: str | None
    callee: str | None
    session_id: str | None
    direction: str


class _Options(_Target, _Party):
    settings: tuple[str, ...]
    real_time: bool
    raw: bool
    record: Path | None


class CannotBegin(LocalError):
    """The call cannot start."""

    exit_code = 2


@click.command(epilog=_EPILOG)
@url_option
@token_option("The API token to send with --url.")
@parameters_option
@transport_option
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="NAME=VALUE",
    help="Set a service option, like transfer=busy; repeat it for several.",
)
@click.option("--from", "caller", callback=parse_phone_number, help="Calling number, or anonymous.")
@click.option("--to", "callee", callback=parse_phone_number, help="Called number.")
@click.option(
    "--session", "session_id", callback=session_id_of, help="Session id; a new one if omitted."
)
@click.option(
    "--direction", type=click.Choice(["inbound", "outbound"]), default="inbound", show_default=True
)
@click.option("--real-time", is_flag=True, help="Play in real time; typing interrupts the agent.")
@click.option("--raw", is_flag=True, help="Print the transcript as JSON lines.")
@click.option(
    "--record",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Record the call to this file, as JSON lines.",
)
@click.pass_context
def command(context: click.Context, **options: Unpack[_Options]) -> None:
    """Call your agent, or any bot, and talk to it in this terminal.

    The simulator behaves as AI Flow does and prints the transcript. Time is virtual: it stops
    between two lines, so that you can interrupt what the agent has started to say.
    """
    service_options, parties = parse_service_options(options["settings"]), _parties(options)
    session = ConsoleSession(
        ConsoleOptions(is_real_time=options["real_time"], is_raw=options["raw"])
    )
    try:
        with ExitStack() as stack:
            record = options["record"]
            recording = stack.enter_context(Recording(record)) if record else None
            connect = stack.enter_context(open_target(_target(options), session.report_error))
            bot = stack.enter_context(connect(session.clock, service_options))
            call = PhoneCall(bot.connection, service_options, parties, session.clock)
            session.run(call, bot.state, recording)
    except LocalError as error:
        raise CannotBegin(str(error)) from error
    context.exit(0 if session.statistics.is_ok else 1)


def _target(options: _Target) -> Target:
    return Target(options["url"], options["token"], options["parameters"], options["transport"])


def _parties(options: _Party) -> CallParties:
    given = {
        "caller": options["caller"],
        "callee": options["callee"],
        "session_id": options["session_id"],
    }
    named = {name: value for name, value in given.items() if value is not None}
    return CallParties(direction=options["direction"], **named)
