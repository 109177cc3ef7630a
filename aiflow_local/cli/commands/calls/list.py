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
from aiflow_local.ops.calls.item_reader import ScanStatistics
from aiflow_local.ops.calls.options import TableOptions, open_table, parse_since, table_options
from aiflow_local.ops.calls.selectors import CallSelector, all_readable, scan_records
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
@click.option(
    "--limit",
    type=click.IntRange(1),
    default=20,
    show_default=True,
    help="Maximum number of calls.",
)
@click.option(
    "--since", metavar="TIME", callback=parse_since, help="Only calls of the last 30m, 2h or 1d."
)
@click.option("--open", "is_open", is_flag=True, help="Only calls that have not ended.")
@click.option("--json", "as_json", is_flag=True, help="Print one line of JSON for each call.")
@table_options
def command(**options: Unpack[_Options]) -> None:
    """List calls, newest first.

    Without --open, this reads the whole table, which AWS charges for, and prints how many units it
    read. With --open, it reads an index and the open calls only.
    """
    now = time.time()
    summaries = [summary(item, now) for item in _newest(open_table(options), options)]
    if options["as_json"]:
        for view in summaries:
            click.echo(json.dumps(view))
    elif summaries:
        for line in table_lines(summaries):
            click.echo(line)
    else:
        click.echo("No calls found.", err=True)


def _newest(table: CallTable, options: _Options) -> Sequence[SessionRecord]:
    selector = CallSelector(since=options["since"])
    if options["is_open"]:
        return [*islice(takewhile(selector.matches, table.open_calls()), options["limit"])]
    statistics = ScanStatistics()
    newest = heapq.nlargest(
        options["limit"],
        scan_records(table, selector, statistics),
        key=lambda item: item.first_event_at_ms,
    )
    all_readable(statistics)
    return newest
