"""`aiflow calls show`."""

import json
import time
from typing import Unpack

import click

from aiflow_local.ops.calls.formatting import detail_lines
from aiflow_local.ops.calls.item_reader import ScanStatistics
from aiflow_local.ops.calls.options import TableOptions, open_table, table_options
from aiflow_local.ops.calls.selectors import CallSelector, select_calls
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
@click.option("--reveal", is_flag=True, help="Show texts, numbers and the state unmasked.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@table_options
def command(session_id: str, **options: Unpack[_Options]) -> None:
    """Show one call: its facts and its turns.

    Texts, numbers and the state are masked: a number is reduced to its country code and its last
    two digits, a text to its length. --reveal shows them.
    """
    (call,) = select_calls(open_table(options), CallSelector(session_id), ScanStatistics())
    view = details(call, time.time(), is_revealed=options["reveal"])
    if options["as_json"]:
        click.echo(json.dumps(view))
        return
    for line in detail_lines(view):
        click.echo(line)
    if not options["reveal"]:
        click.echo("Texts, numbers and the state are masked; --reveal shows them.", err=True)
