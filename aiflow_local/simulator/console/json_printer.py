"""A call for programs: a line of JSON for each thing that happens."""

import json
from typing import TextIO

import click

from aiflow_local.simulator.engine.transcript import TranscriptEntry


class JsonPrinter:
    """Prints the transcript as it is recorded; everything else goes to standard error.

    Args:
        out: where to, if not to standard output as it is at the time.
    """

    def __init__(self, out: TextIO | None = None) -> None:
        self._out = out

    def add(self, entry: TranscriptEntry) -> None:
        """Print an entry of the transcript."""
        click.echo(json.dumps(entry.to_json()), file=self._out)

    def show_line(self, text: str) -> None:
        """Print a line that is no part of the call."""
        click.echo(text, err=True)

    def report_error(self, error: str) -> None:
        """Print an error of a handler, as Python told it."""
        click.echo(error, err=True)

    def end(self, summary: str, *, is_ok: bool) -> None:
        """Leave it to the reader to sum up."""
