"""Which table, as a command line says it, and the values that the commands on calls share."""

import re
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from aiflow_local.errors import LocalError
from aiflow_local.ops.aws_target import Place, PlaceOptions, place_options
from aiflow_local.ops.calls.phone_numbers import international

if TYPE_CHECKING:
    from aiflow_local.ops.calls.table import CallTable

_OUTPUT = "SessionsTableName"
_UNITS = {"m": 60, "h": 3600, "d": 86_400}


class TableOptions(PlaceOptions):
    """What `table_options` adds to a command."""

    table: str | None
    endpoint_url: str | None


def table_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that say which table."""
    endpoint = click.option(
        "--endpoint-url", metavar="URL", help="Of a DynamoDB that is not AWS's."
    )
    table = click.option("--table", metavar="NAME", help="The table, instead of a stack's.")
    return table(place_options(endpoint(command)))


def open_table(options: TableOptions) -> "CallTable":
    """Return the table that is meant.

    Raises:
        LocalError: it cannot be told, or AWS cannot be asked.
    """
    from aiflow_local.ops.calls.table import CallTable  # noqa: PLC0415 - help need not wait for boto3

    place = Place(options, options["endpoint_url"])
    name = options["table"] or _table_of_stack(place)
    return CallTable(place.account.dynamodb, name, time.time)


def since_of(_context: click.Context, _option: click.Parameter, value: str | None) -> float | None:
    """Return the moment that was so long ago: `30m`, `2h`, `1d`.

    Raises:
        click.BadParameter: it is no length of time.
    """
    if value is None:
        return None
    found = re.fullmatch(r"([0-9]{1,6})([mhd])", value)
    if not found:
        raise click.BadParameter("a length of time is 30m, 2h or 1d.")
    return time.time() - int(found[1]) * _UNITS[found[2]]


def caller_of(_context: click.Context, _option: click.Parameter, value: str | None) -> str | None:
    """Return the digits of a telephone number.

    Raises:
        click.BadParameter: it is none, or has no country code.
    """
    if value is None:
        return None
    digits = international(value)
    if digits is None:
        raise click.BadParameter("give the number with its country code, like +491713920050.")
    return digits


def _table_of_stack(place: Place) -> str:
    stack = place.find_stack()
    if stack is None:
        raise LocalError(
            f"there is no stack {place.stack_name} in {place.account.region_name}:"
            " give --stack, --config-env, --region or --table"
        )
    if _OUTPUT not in stack.outputs:
        message = f"the stack {stack.name} has no output {_OUTPUT}: is it one of aiflow?"
        raise LocalError(f"{message} If so, give --table")
    return stack.outputs[_OUTPUT]
