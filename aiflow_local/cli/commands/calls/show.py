"""`aiflow calls show`."""

import json
import time
from typing import Unpack

import click

from aiflow_local.ops.calls.formatting import detail_lines
from aiflow_local.ops.calls.item_reader import Reading
from aiflow_local.ops.calls.options import TableOptions, open_table, table_options
from aiflow_local.ops.calls.selectors import Choice, chosen
from aiflow_local.ops.calls.views import details

_EPILOG = """\b
Examples:
  aiflow calls show SESSION_ID
  aiflow calls show SESSION_ID --reveal --stack aiflow-prod
  aiflow calls show SESSION_ID --json | jq .used"""


class _Options(TableOptions):
    reveal: bool
    as_json: bool


@click.command(epilog=_EPILOG)
@click.argument("session_id")
@click.option("--reveal", is_flag=True, help="Show words, numbers and the state as they are.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, for programs.")
@table_options
def command(session_id: str, **options: Unpack[_Options]) -> None:
    """Show what was said and done in a call; how long it was, and not what, unless you ask.

    A number is shown with its country code and its last two digits, words as their length.
    """
    (call,) = chosen(open_table(options), Choice(session_id), Reading())
    told = details(call, time.time(), is_revealed=options["reveal"])
    if options["as_json"]:
        click.echo(json.dumps(told))
        return
    for line in detail_lines(told):
        click.echo(line)
    if not options["reveal"]:
        click.echo("Words, numbers and the state are hidden; --reveal shows them.", err=True)
