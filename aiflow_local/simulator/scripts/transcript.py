"""The conversation, as people read it."""

from collections import Counter
from itertools import starmap

from rich.console import Console
from rich.text import Text

from aiflow.protocol.types import JsonValue
from aiflow_local.output import print_labelled, printable
from aiflow_local.simulator.scripts import describe
from aiflow_local.simulator.scripts.runner import Exchange
from aiflow_local.simulator.scripts.script import Script

_STYLES = {
    describe.AGENT: "bold cyan",
    describe.CALLER: "bold green",
    describe.SERVICE: "magenta",
    "kept": "dim",
    "error": "red",
    "warning": "yellow",
}
_MOST_CHARACTERS = 1000


class Transcript:
    """Prints a call as it goes, and sums it up.

    Args:
        console: where to; lines are broken and coloured on a terminal only.
        script: the call.
    """

    def __init__(self, console: Console, script: Script) -> None:
        self._console = console
        self._script = script
        self._severities: Counter[str] = Counter()
        self._answers: list[float] = []
        self._spoken = 0

    def begin(self, url: str) -> None:
        """Say what is called."""
        title = Text.assemble((self._script.name, "bold"), f" calls {url}\n")
        self._console.print(title, soft_wrap=True)

    def add(self, exchange: Exchange) -> None:
        """Print an event and what came of it."""
        self._answers.append(exchange.answer.ms)
        self._spoken += bool(exchange.actions)
        title = f"{len(self._answers):>3} {exchange.event['type']}, {exchange.answer.ms:.0f} ms"
        self._console.print(Text(_visible(title), "dim"), soft_wrap=True)
        if said := describe.of_event(exchange.event):
            self._line(*said)
        for action in exchange.actions:
            self._line(*describe.of_action(action))
        if exchange.changes:
            self._line("kept", ", ".join(starmap(_change, exchange.changes.items())))
        for problem in exchange.problems:
            self._severities[problem.severity] += 1
            place = f"{problem.path} " if problem.path else ""
            self._line(problem.severity, f"{place}{problem.message} [{problem.code}]")

    def end(self) -> None:
        """Sum up."""
        played, planned = len(self._answers), len(self._script.events)
        errors, warnings = self._severities["error"], self._severities["warning"]
        early = "" if played == planned else f"{played} of "
        parts = [
            f"\n{early}{_many(planned, 'event')}",
            f"{self._spoken} answered with actions",
            _many(errors, "error"),
            _many(warnings, "warning"),
            f"slowest answer {max(self._answers):.0f} ms",
        ]
        style = "bold red" if errors else "bold yellow" if warnings else "bold green"
        self._console.print(Text(", ".join(parts), style), soft_wrap=True)

    def _line(self, who: str, what: str) -> None:
        label, text = Text(who, _STYLES.get(who, "")), Text(_visible(what))
        if who == "kept":
            text.stylize("dim")
        print_labelled(self._console, label, text)


def _many(number: int, name: str) -> str:
    return f"{number} {name}" if number == 1 else f"{number} {name}s"


def _change(name: str, value: JsonValue) -> str:
    if isinstance(value, list):
        value = " ".join(map(str, value))
    return f"{name}: {'nothing' if value is None else value}"


def _visible(text: str) -> str:
    """Return what a bot or a script brought, fit for a terminal."""
    shown = text if len(text) <= _MOST_CHARACTERS else f"{text[:_MOST_CHARACTERS]}..."
    folded = " ".join(shown.split())
    kept = shown if shown.startswith(" ") else folded
    return printable(kept)
