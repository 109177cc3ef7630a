"""A group of commands, each loaded when it is used."""

import importlib
from collections.abc import Mapping
from typing import ClassVar, cast, override

import click


class LazyGroup(click.Group):
    """Loads a command when it is used: `check` does not wait for what `serve` needs.

    The command NAME is `command` in the module NAME of `package`.

    Attributes:
        package: where the modules are.
        summaries: what each command does, in a line; in the order of the help.
    """

    package: ClassVar[str]
    summaries: ClassVar[Mapping[str, str]]

    @override
    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names, in the order of the help."""
        return list(self.summaries)

    @override
    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Load a command; None if there is none of this name."""
        if cmd_name not in self.summaries:
            return None
        module = importlib.import_module(f"{self.package}.{cmd_name}")
        return cast("click.Command", module.command)

    @override
    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of the help, without loading anything."""
        with formatter.section("Commands"):
            formatter.write_dl(list(self.summaries.items()))
