"""`aiflow calls export`."""

from pathlib import Path
from typing import Unpack

import click

from aiflow_local.ops.calls.export import export_line, write_lines
from aiflow_local.ops.calls.item_reader import ScanStatistics
from aiflow_local.ops.calls.options import (
    TableOptions,
    open_table,
    parse_caller,
    parse_since,
    table_options,
)
from aiflow_local.ops.calls.selectors import CallSelector, all_readable, select_calls

_EPILOG = """\b
Examples:
  aiflow calls export SESSION_ID | jq .turns
  aiflow calls export --caller +491713920050 --output theirs.json
  aiflow calls export --since 1d --stack aiflow-prod --output yesterday.json
\b
--caller does not find calls with a withheld number: use list and the time of the call. Nor does it
find numbers that only got a transfer or a text message during a call."""


class _Options(TableOptions):
    session_id: str | None
    caller: str | None
    since: float | None
    output: Path | None


@click.command(epilog=_EPILOG)
@click.argument("session_id", required=False)
@click.option(
    "--caller", metavar="NUMBER", callback=parse_caller, help="All calls with this other party."
)
@click.option(
    "--since", metavar="TIME", callback=parse_since, help="Calls of the last 30m, 2h or 1d."
)
@click.option(
    "--output",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write to a file that only you can read.",
)
@table_options
@click.pass_context
def command(context: click.Context, **options: Unpack[_Options]) -> None:
    """Print everything that is stored about calls, unmasked, as one line of JSON for each call.

    Use it to answer a request for access (GDPR, Article 15). Give a SESSION_ID, or --caller,
    --since or both.
    """
    selector = CallSelector(options["session_id"], options["caller"], options["since"])
    if not selector.is_valid:
        raise click.UsageError("Give a SESSION_ID, or --caller, --since or both.")
    statistics = ScanStatistics()
    lines = map(export_line, select_calls(open_table(options), selector, statistics))
    output = options["output"]
    if output:
        count = write_lines(lines, output)
        click.echo(f"Wrote {count} call(s) to {click.format_filename(output)}.", err=True)
    else:
        for line in lines:
            click.echo(line)
    context.exit(0 if all_readable(statistics) else 1)
