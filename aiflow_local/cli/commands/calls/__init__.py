"""`aiflow calls`."""

from collections.abc import Mapping
from typing import ClassVar

import click

from aiflow_local.cli.lazy_group import LazyGroup

_EPILOG = """\b
Examples:
  aiflow calls list --since 2h
  aiflow calls show SESSION_ID
  aiflow calls export --caller +491713920050 --output theirs.json
  aiflow calls erase --caller +491713920050
\b
The caller is the other party: the person who calls the agent, or whom the
agent calls. list and show mask texts, numbers and the state; export does not.
\b
Exit codes: 0 success, 1 no such call, the call may not be erased, or an AWS
request failed, 2 invalid command line."""


class _Calls(LazyGroup):
    package = __name__
    summaries: ClassVar[Mapping[str, str]] = {
        "list": "List the latest calls, or the open ones.",
        "show": "Show one call with its turns.",
        "export": "Export everything that is stored about calls.",
        "erase": "Erase calls permanently.",
    }


@click.command(cls=_Calls, epilog=_EPILOG)
def command() -> None:
    """List, show, export and erase the calls that a stack stores."""
