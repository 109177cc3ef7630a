"""`aiflow calls export`."""

from pathlib import Path
from typing import Unpack

import click

from aiflow_local.ops.calls.export import exported, write
from aiflow_local.ops.calls.item_reader import Reading
from aiflow_local.ops.calls.options import (
    TableOptions,
    caller_of,
    open_table,
    since_of,
    table_options,
)
from aiflow_local.ops.calls.selectors import Choice, chosen, is_all

_EPILOG = """\b
Examples:
  aiflow calls export SESSION_ID | jq .turns
  aiflow calls export --caller +491713920050 --output theirs.json
  aiflow calls export --since 1d --stack aiflow-prod --output yesterday.json
\b
A caller who withheld the number cannot be found by it: list finds the call by its time. Nor is
somebody who was only transferred to or texted in a call with another person."""


class _Options(TableOptions):
    session_id: str | None
    caller: str | None
    since: float | None
    output: Path | None


@click.command(epilog=_EPILOG)
@click.argument("session_id", required=False)
@click.option(
    "--caller", metavar="NUMBER", callback=caller_of, help="All calls with this person on the line."
)
@click.option(
    "--since", metavar="TIME", callback=since_of, help="All that began in the last 30m, 2h, 1d."
)
@click.option(
    "--output",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write to a file that only you may read.",
)
@table_options
@click.pass_context
def command(context: click.Context, **options: Unpack[_Options]) -> None:
    """Print all that is kept of calls, with nothing hidden: one line of JSON for each.

    It is for somebody who asks what is kept of them (GDPR, Article 15). Give a SESSION_ID, or
    --caller, --since or both.
    """
    choice = Choice(options["session_id"], options["caller"], options["since"])
    if not choice.is_one:
        raise click.UsageError("Give a SESSION_ID, or --caller, --since or both.")
    reading = Reading()
    lines = map(exported, chosen(open_table(options), choice, reading))
    output = options["output"]
    if output:
        count = write(lines, output)
        click.echo(f"Calls written to {click.format_filename(output)}: {count}.", err=True)
    else:
        for line in lines:
            click.echo(line)
    context.exit(0 if is_all(reading) else 1)
