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
The caller is the person on the line: whoever calls, or is called by the agent.
list and show hide what was said, numbers and the state; export has all of it.
\b
Exit codes: 0 fine, 1 there is no such call, it may not be erased, or AWS
cannot be asked, 2 the command line is not understood."""


class _Calls(LazyGroup):
    package = __name__
    summaries: ClassVar[Mapping[str, str]] = {
        "list": "The latest calls, or those that have not ended.",
        "show": "What was said and done in a call.",
        "export": "All that is kept of calls, for whoever asks for theirs.",
        "erase": "Erase calls, for good.",
    }


@click.command(cls=_Calls, epilog=_EPILOG)
def command() -> None:
    """List, show, export and erase the calls that a stack keeps."""
