"""Where an operator looks: which account, region, stack and table, as a command line says it."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypedDict

import click

from aiflow_local.errors import LocalError
from aiflow_local.ops.samconfig import SamConfig, read_samconfig
from aiflow_local.stack.project import find_project

if TYPE_CHECKING:
    from aiflow_local.ops.aws_session import Account
    from aiflow_local.ops.stack import Stack


class PlaceOptions(TypedDict):
    """What `place_options` adds to a command."""

    stack: str | None
    config_env: str
    region: str | None
    profile: str | None


_OPTIONS = (
    click.option("--stack", metavar="NAME", help="The stack; that of samconfig.toml if omitted."),
    click.option(
        "--config-env",
        metavar="NAME",
        default="default",
        show_default=True,
        help="The environment in samconfig.toml, like dev or prod.",
    ),
    click.option("--region", metavar="NAME", help="The region; that of samconfig.toml if omitted."),
    click.option("--profile", metavar="NAME", help="The AWS profile to use."),
)


def place_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that say which stack, and whose."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


@dataclass(frozen=True)
class Place:
    """Which stack of whose account.

    Attributes:
        options: of the command line.
        endpoint_url: of a DynamoDB that is not AWS's.
    """

    options: PlaceOptions
    endpoint_url: str | None = None

    @cached_property
    def samconfig(self) -> SamConfig:
        """What `samconfig.toml` says of it.

        Raises:
            LocalError: it cannot be read.
        """
        return read_samconfig(find_project(), self.options["config_env"])

    @property
    def stack_name(self) -> str:
        """The name of the stack.

        Raises:
            LocalError: nobody says it.
        """
        name = self.options["stack"] or self.samconfig.stack
        if name is None:
            raise LocalError("samconfig.toml names no stack: give --stack")
        return name

    @cached_property
    def account(self) -> "Account":
        """The clients."""
        from aiflow_local.ops.aws_session import Account  # noqa: PLC0415 - help need not wait for boto3

        region = self.options["region"] or self.samconfig.region
        return Account(region, self.options["profile"], self.endpoint_url)

    def find_stack(self) -> "Stack | None":
        """Look the stack up; None if there is none.

        Raises:
            LocalError: AWS cannot be asked.
        """
        from aiflow_local.ops.stack import find_stack  # noqa: PLC0415 - likewise

        return find_stack(self.account.cloudformation, self.stack_name)
