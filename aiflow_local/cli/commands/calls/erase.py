"""`aiflow calls erase`."""

import json
import sys
import time
from collections.abc import Sequence
from functools import partial
from typing import Unpack

import click

from aiflow_local.errors import LocalError
from aiflow_local.ops.calls.erase import erase_all
from aiflow_local.ops.calls.item_reader import Reading
from aiflow_local.ops.calls.options import TableOptions, caller_of, open_table, table_options
from aiflow_local.ops.calls.selectors import Choice, chosen, is_all
from aiflow_local.ops.calls.table import KeptCall
from aiflow_local.printable import printable

_EPILOG = """\b
Examples:
  aiflow calls erase SESSION_ID --dry-run
  aiflow calls erase --caller +491713920050
  aiflow calls erase SESSION_ID --yes --json"""

_NOT_ERASED = """\
Not erased: point-in-time backups of the table have it for up to 35 days; after a restore, erase it
again. Logs have the session id, and no word and no number, until they expire. What a handler told
others, and what was exported, is with them."""

_WAS_OPEN = """\
A call had not ended: its agent says nothing more in it. What is being answered now may leave words
behind; in {seconds:g} s they are erased, too. If you do not wait, erase the call again."""


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
    "--caller", metavar="NUMBER", callback=caller_of, help="All calls with this person on the line."
)
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--dry-run", is_flag=True, help="Say what would be erased, and erase nothing.")
@click.option("--active", is_flag=True, help="Erase even a call that has not ended.")
@click.option(
    "--wait",
    metavar="SECONDS",
    type=click.FloatRange(0, 600),
    default=30,
    show_default=True,
    help="With --active, how long an answer that is on its way may take.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, a line for each call.")
@table_options
@click.pass_context
def command(context: click.Context, **options: Unpack[_Options]) -> None:
    """Erase calls for good: what was said, numbers, the state, all answers.

    Until the call would have expired, its session id stays, as a tombstone without a word: it keeps
    an event that comes late from beginning the call anew. Give a SESSION_ID or --caller.

    Somebody who was only transferred to or texted, in a call with another person, is not found by
    --caller.
    """
    choice = Choice(options["session_id"], options["caller"])
    if not choice.is_one:
        raise click.UsageError("Give a SESSION_ID or --caller.")
    table, reading = open_table(options), Reading()
    calls = [*chosen(table, choice, reading)]
    open_calls = [call for call in calls if table.is_open(call.item)]
    if open_calls and not options["active"]:
        raise LocalError(_refusal(open_calls))
    if options["dry_run"]:
        for call in calls:
            _tell(call, options)
    elif calls:
        if not options["yes"]:
            _confirm(calls)
        for call in erase_all(table, calls, partial(_pause, options["wait"])):
            _tell(call, options)
        click.echo(_NOT_ERASED, err=True)
    context.exit(0 if is_all(reading) else 1)


def _pause(seconds: float) -> None:
    click.echo(_WAS_OPEN.format(seconds=seconds), err=True)
    time.sleep(seconds)


def _refusal(open_calls: Sequence[KeptCall]) -> str:
    ids = ", ".join(printable(call.item.session_id) for call in open_calls)
    return (
        f"nothing was erased, since this has not ended: {ids}. Wait for its end; the sweeper closes"
        " what nobody ends. With --active it is erased at once, and its agent falls silent"
    )


def _confirm(calls: Sequence[KeptCall]) -> None:
    if not sys.stdin.isatty():
        raise LocalError("nothing was erased, as nobody can be asked: give --yes")
    turns = sum(len(call.turns) for call in calls)
    question = f"Erase for good: {len(calls)} call(s) with {turns} turn(s)?"
    click.confirm(question, abort=True, err=True)


def _tell(call: KeptCall, options: _Options) -> None:
    is_done = not options["dry_run"]
    session_id, turns = call.item.session_id, len(call.turns)
    if options["as_json"]:
        click.echo(json.dumps({"session_id": session_id, "turns": turns, "erased": is_done}))
        return
    verb = "erased" if is_done else "would erase"
    click.echo(f"{verb}  {printable(session_id)}, turns: {turns}")
