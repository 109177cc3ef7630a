"""The account, region and stack that a command works on, selected by command-line options."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypedDict

import click

from aiflow_local.errors import LocalError
from aiflow_local.ops.samconfig import SamConfig, read_samconfig
from aiflow_local.stack.project import find_project

if TYPE_CHECKING:
    from aiflow_local.ops.aws_session import AwsSession
    from aiflow_local.ops.stack import Stack


class AwsTargetOptions(TypedDict):
    """The options that `aws_target_options` adds to a command."""

    stack: str | None
    config_env: str
    region: str | None
    profile: str | None


_OPTIONS = (
    click.option("--stack", metavar="NAME", help="The stack; default: the one in samconfig.toml."),
    click.option(
        "--config-env",
        metavar="NAME",
        default="default",
        show_default=True,
        help="The environment in samconfig.toml, like dev or prod.",
    ),
    click.option(
        "--region", metavar="NAME", help="The region; default: the one in samconfig.toml."
    ),
    click.option("--profile", metavar="NAME", help="The AWS profile to use."),
)


def aws_target_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that select a stack, region and profile."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


@dataclass(frozen=True)
class AwsTarget:
    """A stack in an AWS account and region.

    Attributes:
        options: The options of the command line.
        endpoint_url: The endpoint of a DynamoDB outside AWS, if any.
    """

    options: AwsTargetOptions
    endpoint_url: str | None = None

    @cached_property
    def samconfig(self) -> SamConfig:
        """The selected environment of `samconfig.toml`.

        Raises:
            LocalError: The file cannot be read.
        """
        return read_samconfig(find_project(), self.options["config_env"])

    @property
    def stack_name(self) -> str:
        """The name of the stack.

        Raises:
            LocalError: Neither an option nor `samconfig.toml` names a stack.
        """
        name = self.options["stack"] or self.samconfig.stack
        if name is None:
            raise LocalError("samconfig.toml names no stack: give --stack")
        return name

    @cached_property
    def aws(self) -> "AwsSession":
        """The AWS clients for this target."""
        from aiflow_local.ops.aws_session import AwsSession  # noqa: PLC0415 - boto3 would slow --help

        region = self.options["region"] or self.samconfig.region
        return AwsSession(region, self.options["profile"], self.endpoint_url)

    def find_stack(self) -> "Stack | None":
        """Return the deployed stack; None if it does not exist.

        Raises:
            LocalError: No stack is named, or the AWS request fails.
        """
        from aiflow_local.ops.stack import find_stack  # noqa: PLC0415 - boto3 would slow --help

        return find_stack(self.aws.cloudformation, self.stack_name)
