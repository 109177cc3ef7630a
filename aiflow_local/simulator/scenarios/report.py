"""Prints results of scenarios as text or JSON."""

import json
from collections.abc import Iterator, Sequence
from typing import Any, TextIO

import click
from rich.console import Console
from rich.text import Text

from aiflow_local.simulator.console.statistics import counted
from aiflow_local.simulator.console.transcript_printer import TranscriptPrinter
from aiflow_local.simulator.engine.formatting import printable_line
from aiflow_local.simulator.engine.transcript import TranscriptEntry
from aiflow_local.simulator.scenarios.batch_runner import PlayedScenario, StateReader
from aiflow_local.simulator.scenarios.scenario import Scenario
from aiflow_local.simulator.scenarios.suite import Suite

_INDENT = " " * 10


class TextReport:
    """Prints a line for each scenario, and failures with the transcript.

    Args:
        console: where to print; in colour on a terminal only.
        is_verbose: whether to print each call while it runs.
    """

    def __init__(self, console: Console, *, is_verbose: bool) -> None:
        self._console = console
        self._is_verbose = is_verbose
        self._suite: Suite | None = None
        self._screen: TranscriptPrinter | None = None

    def begin(self, suite: Suite, scenario: Scenario, read_state: StateReader | None) -> None:
        """Print the name of the file, if it changes."""
        if suite is not self._suite:
            self._print(("\n" if self._suite else "") + printable_line(suite.file), "bold")
        self._suite = suite
        if self._is_verbose:
            self._print(f"\n  {printable_line(scenario.name)}", "bold")
            self._screen = TranscriptPrinter(self._console, read_state)

    def add(self, entry: TranscriptEntry) -> None:
        """Print a transcript entry, if verbose."""
        if self._screen:
            self._screen.add(entry)

    def report_error(self, error: str) -> None:
        """Print a handler error, if verbose."""
        if self._screen:
            self._screen.report_error(error)

    def end(self, played: PlayedScenario) -> None:
        """Print the result."""
        result, statistics = played.result, played.statistics
        verdict, style = ("ok", "green") if result.passed else ("FAILED", "bold red")
        numbers = f"({counted(statistics.turns, 'turn')}, {statistics.slowest_answer})"
        name = "" if self._is_verbose else f"{printable_line(result.scenario.name)} "
        line = Text(f"  {verdict:<8}", style) + Text(name, "") + Text(numbers, "dim")
        self._console.print(line, soft_wrap=True)
        for failure in result.failures:
            self._block(failure, "red")
        for skipped in result.skipped:
            self._block(f"not checked: {skipped}", "yellow")
        if not self._is_verbose:
            for error in played.errors:
                self._block(error)
            if not result.passed:
                self._block(f"\nThe whole call:\n{result.call.transcript}\n")

    def sum_up(self, played: Sequence[PlayedScenario]) -> None:
        """Print the summary."""
        failed = sum(not one.result.passed for one in played)
        slowest_ms = max((one.statistics.slowest_ms for one in played), default=0)
        parts = [
            counted(len(played), "scenario"),
            f"{len(played) - failed} ok",
            f"{failed} failed",
            f"slowest answer {slowest_ms:.0f} ms",
        ]
        self._print("\n" + ", ".join(parts), "bold red" if failed else "bold green")

    def _block(self, text: str, style: str = "") -> None:
        for line in text.split("\n"):
            self._print(f"{_INDENT}{printable_line(line)}".rstrip(), style)

    def _print(self, text: str, style: str) -> None:
        self._console.print(Text(text, style), soft_wrap=True)


class JsonReport:
    """Prints a line of JSON for each scenario.

    Args:
        out: where to print.
    """

    def __init__(self, out: TextIO) -> None:
        self._out = out

    def begin(self, suite: Suite, scenario: Scenario, read_state: StateReader | None) -> None:
        """Print nothing until the end."""

    def add(self, entry: TranscriptEntry) -> None:
        """Print nothing until the end."""

    def report_error(self, error: str) -> None:
        """Print nothing until the end."""

    def end(self, played: PlayedScenario) -> None:
        """Print the result."""
        click.echo(json.dumps(dict(_members(played))), file=self._out)

    def sum_up(self, played: Sequence[PlayedScenario]) -> None:
        """Print no summary."""


def _members(played: PlayedScenario) -> Iterator[tuple[str, Any]]:
    yield "file", played.suite.file
    members = played.result.to_json()
    transcript = members.pop("transcript")
    yield from members.items()
    statistics = played.statistics
    yield "turns", statistics.turns
    yield "slowest_ms", statistics.slowest_ms
    yield "handler_errors", list(played.errors)
    yield "transcript", transcript
