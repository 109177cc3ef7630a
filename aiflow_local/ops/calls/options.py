"""Command-line options that the `aiflow calls` commands share."""

import re
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from aiflow_local.errors import LocalError
from aiflow_local.ops.aws_target import AwsTarget, AwsTargetOptions, aws_target_options
from aiflow_local.ops.calls.phone_numbers import normalize_number

if TYPE_CHECKING:
    from aiflow_local.ops.calls.table import CallTable

_TABLE_OUTPUT = "SessionsTableName"
_UNITS = {"m": 60, "h": 3600, "d": 86_400}


class TableOptions(AwsTargetOptions):
    """The options that `table_options` adds to a command."""

    table: str | None
    endpoint_url: str | None


def table_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that select a table."""
    endpoint = click.option(
        "--endpoint-url", metavar="URL", help="The URL of a DynamoDB outside AWS."
    )
    table = click.option("--table", metavar="NAME", help="The table; default: that of the stack.")
    return table(aws_target_options(endpoint(command)))


def open_table(options: TableOptions) -> "CallTable":
    """Return the table that the options select.

    Raises:
        LocalError: The options select no table, or the AWS request fails.
    """
    from aiflow_local.ops.calls.table import CallTable  # noqa: PLC0415 - boto3 would slow --help

    target = AwsTarget(options, options["endpoint_url"])
    name = options["table"] or _table_of_stack(target)
    return CallTable(target.aws.dynamodb, name, time.time)


def parse_since(
    _context: click.Context, _option: click.Parameter, value: str | None
) -> float | None:
    """Convert a duration before now, like `30m`, `2h` or `1d`, to Unix time in seconds.

    Raises:
        click.BadParameter: The value is not a duration.
    """
    if value is None:
        return None
    found = re.fullmatch(r"([0-9]{1,6})([mhd])", value)
    if not found:
        raise click.BadParameter("give a duration like 30m, 2h or 1d.")
    return time.time() - int(found[1]) * _UNITS[found[2]]


def parse_caller(
    _context: click.Context, _option: click.Parameter, value: str | None
) -> str | None:
    """Return the digits of a phone number with its country code.

    Raises:
        click.BadParameter: The value is not a phone number with a country code.
    """
    if value is None:
        return None
    digits = normalize_number(value)
    if digits is None:
        raise click.BadParameter("give the number with its country code, like +491713920050.")
    return digits


def _table_of_stack(target: AwsTarget) -> str:
    stack = target.find_stack()
    if stack is None:
        raise LocalError(
            f"there is no stack {target.stack_name} in {target.aws.region_name}:"
            " give --stack, --config-env, --region or --table"
        )
    if _TABLE_OUTPUT not in stack.outputs:
        raise LocalError(
            f"the stack {stack.name} has no output {_TABLE_OUTPUT}:"
            " name a stack of aiflow, or give --table"
        )
    return stack.outputs[_TABLE_OUTPUT]
