"""A group of commands that are imported on first use."""

import importlib
from collections.abc import Mapping
from typing import ClassVar, cast, override

import click


class LazyGroup(click.Group):
    """A group that imports a command on first use, so that each command starts fast.

    The command NAME is the attribute `command` of the module NAME in `package`.

    Attributes:
        package: The package with the modules.
        summaries: The one-line help of each command, in the order of the help.
    """

    package: ClassVar[str]
    summaries: ClassVar[Mapping[str, str]]

    @override
    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the commands, in the order of the help."""
        return list(self.summaries)

    @override
    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command; return None if the name is unknown."""
        if cmd_name not in self.summaries:
            return None
        module = importlib.import_module(f"{self.package}.{cmd_name}")
        return cast("click.Command", module.command)

    @override
    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(self.summaries.items()))
