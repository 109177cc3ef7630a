"""`aiflow calls erase`."""

import json
import sys
import time
from collections.abc import Sequence
from functools import partial
from typing import Unpack

import click

from aiflow_local.errors import LocalError
from aiflow_local.ops.calls.erase import erase_calls
from aiflow_local.ops.calls.item_reader import ScanStatistics
from aiflow_local.ops.calls.options import TableOptions, open_table, parse_caller, table_options
from aiflow_local.ops.calls.selectors import CallSelector, all_readable, select_calls
from aiflow_local.ops.calls.table import StoredCall
from aiflow_local.output import printable

_EPILOG = """\b
Examples:
  aiflow calls erase SESSION_ID --dry-run
  aiflow calls erase --caller +491713920050
  aiflow calls erase SESSION_ID --yes --json"""

_NOT_ERASED = """\
Not erased: point-in-time backups of the table keep the calls for up to 35 days. After a restore,
erase the calls again. Logs contain the session id, but no texts or numbers, until they expire. Data
that handlers sent elsewhere and exported files remain, too."""

_WAS_OPEN = """\
A call had not ended: its agent says nothing more. An answer in progress may still write turns:
in {seconds:g} s they are erased, too. If you interrupt this, erase the call again."""


class _Options(TableOptions):
    session_id: str | None
    caller: str | None
    yes: bool
    dry_run: bool
    active: bool
    wait: float
    as_json: bool


@click.command(epilog=_EPILOG)
@click.argument("session_id", required=False)
@click.option(
    "--caller", metavar="NUMBER", callback=parse_caller, help="All calls with this other party."
)
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@click.option("--dry-run", is_flag=True, help="Print what would be erased, and erase nothing.")
@click.option("--active", is_flag=True, help="Erase calls that have not ended, too.")
@click.option(
    "--wait",
    metavar="SECONDS",
    type=click.FloatRange(0, 600),
    default=30,
    show_default=True,
    help="With --active, how long to wait for an answer in progress.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one line of JSON for each call.")
@table_options
@click.pass_context
def command(context: click.Context, **options: Unpack[_Options]) -> None:
    """Erase calls permanently: texts, numbers, the state and all answers.

    The session id stays as a tombstone until the call would have expired, so that a late event does
    not start the call again. Give a SESSION_ID or --caller.

    --caller finds the other party of a call. It does not find numbers that only got a transfer or a
    text message during a call.
    """
    selector = CallSelector(options["session_id"], options["caller"])
    if not selector.is_valid:
        raise click.UsageError("Give a SESSION_ID or --caller.")
    table, statistics = open_table(options), ScanStatistics()
    calls = [*select_calls(table, selector, statistics)]
    open_calls = [call for call in calls if table.is_open(call.item)]
    if open_calls and not options["active"]:
        raise LocalError(_open_calls_message(open_calls))
    if options["dry_run"]:
        for call in calls:
            _print(call, options)
    elif calls:
        if not options["yes"]:
            _confirm(calls)
        for call in erase_calls(table, calls, partial(_pause, options["wait"])):
            _print(call, options)
        click.echo(_NOT_ERASED, err=True)
    context.exit(0 if all_readable(statistics) else 1)


def _pause(seconds: float) -> None:
    click.echo(_WAS_OPEN.format(seconds=seconds), err=True)
    time.sleep(seconds)


def _open_calls_message(open_calls: Sequence[StoredCall]) -> str:
    ids = ", ".join(printable(call.item.session_id) for call in open_calls)
    return (
        f"nothing was erased, since these calls have not ended: {ids}. Wait until they end (the"
        " sweeper closes abandoned calls), or give --active: then the agent says nothing more"
    )


def _confirm(calls: Sequence[StoredCall]) -> None:
    if not sys.stdin.isatty():
        raise LocalError("nothing was erased, since there is no terminal to confirm: give --yes")
    turns = sum(len(call.turns) for call in calls)
    question = f"Permanently erase {len(calls)} call(s) with {turns} turn(s)?"
    click.confirm(question, abort=True, err=True)


def _print(call: StoredCall, options: _Options) -> None:
    is_done = not options["dry_run"]
    session_id, turns = call.item.session_id, len(call.turns)
    if options["as_json"]:
        click.echo(json.dumps({"session_id": session_id, "turns": turns, "erased": is_done}))
        return
    verb = "erased" if is_done else "would erase"
    click.echo(f"{verb}  {printable(session_id)}, turns: {turns}")
