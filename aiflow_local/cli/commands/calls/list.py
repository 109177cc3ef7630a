"""`aiflow calls list`."""

import heapq
import json
import time
from collections.abc import Sequence
from itertools import islice, takewhile
from typing import Unpack

import click

from aiflow.sessions.record import SessionRecord
from aiflow_local.ops.calls.formatting import table_lines
from aiflow_local.ops.calls.item_reader import Reading
from aiflow_local.ops.calls.options import TableOptions, open_table, since_of, table_options
from aiflow_local.ops.calls.selectors import Choice, all_chosen, is_all
from aiflow_local.ops.calls.table import CallTable
from aiflow_local.ops.calls.views import summary

_EPILOG = """\b
Examples:
  aiflow calls list
  aiflow calls list --since 1d --limit 100 --stack aiflow-prod
  aiflow calls list --open
  aiflow calls list --json | jq -r 'select(.turns == 0) | .session_id'"""


class _Options(TableOptions):
    limit: int
    since: float | None
    is_open: bool
    as_json: bool


@click.command(epilog=_EPILOG)
@click.option("--limit", type=click.IntRange(1), default=20, show_default=True, help="How many.")
@click.option(
    "--since", metavar="TIME", callback=since_of, help="Only what began in the last 30m, 2h, 1d."
)
@click.option("--open", "is_open", is_flag=True, help="Only calls that have not ended.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, a line for each call.")
@table_options
def command(**options: Unpack[_Options]) -> None:
    """List calls, newest first.

    This reads the whole table, which AWS charges for, and says how much that was. With --open, an
    index names the calls, and no others are read.
    """
    now = time.time()
    summaries = [summary(item, now) for item in _newest(open_table(options), options)]
    if options["as_json"]:
        for told in summaries:
            click.echo(json.dumps(told))
    elif summaries:
        for line in table_lines(summaries):
            click.echo(line)
    else:
        click.echo("There are none.", err=True)


def _newest(table: CallTable, options: _Options) -> Sequence[SessionRecord]:
    choice = Choice(since=options["since"])
    if options["is_open"]:
        return [*islice(takewhile(choice.covers, table.open_calls()), options["limit"])]
    reading = Reading()
    newest = heapq.nlargest(
        options["limit"],
        all_chosen(table, choice, reading),
        key=lambda item: item.first_event_at_ms,
    )
    is_all(reading)
    return newest
