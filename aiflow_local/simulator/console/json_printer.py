"""Prints a call as JSON lines."""

import json
from typing import TextIO

import click

from aiflow_local.simulator.engine.transcript import TranscriptEntry


class JsonPrinter:
    """Prints transcript entries as JSON lines, and everything else to standard error.

    Args:
        out: where to print; the current standard output by default.
    """

    def __init__(self, out: TextIO | None = None) -> None:
        self._out = out

    def add(self, entry: TranscriptEntry) -> None:
        """Print a transcript entry."""
        click.echo(json.dumps(entry.to_json()), file=self._out)

    def show_line(self, text: str) -> None:
        """Print a line that is not part of the transcript."""
        click.echo(text, err=True)

    def report_error(self, error: str) -> None:
        """Print the traceback of a handler error."""
        click.echo(error, err=True)

    def end(self, summary: str, *, is_ok: bool) -> None:
        """Print no summary."""
