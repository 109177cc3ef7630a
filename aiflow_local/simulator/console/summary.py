"""How a call went, in one line and one exit code."""

from aiflow_local.simulator.engine.caller import KEY_GAP_MS
from aiflow_local.simulator.engine.transcript import Entry, Kind


class Tally:
    """Counts what happens in a call."""

    def __init__(self) -> None:
        self.turns = 0
        """How often the caller spoke, or pressed keys in a row."""
        self.answers = 0
        self.slowest_ms = 0.0
        self.errors = 0
        """What the bot did wrong."""
        self.warnings = 0
        self.faults = 0
        """Errors of handlers."""
        self._last_key_ms: int | None = None

    def add(self, entry: Entry) -> None:
        """Count an entry of the transcript."""
        if entry.kind is Kind.ANSWER:
            self.answers += 1
            self.slowest_ms = max(self.slowest_ms, entry.data["ms"])
        elif entry.kind is Kind.PROBLEM:
            is_error = entry.data["problem"]["severity"] == "error"
            self.errors += is_error
            self.warnings += not is_error
        elif entry.kind is Kind.SAID and "words" in entry.data:
            self.turns += 1
        elif entry.kind is Kind.SAID and "key" in entry.data:
            last_ms, self._last_key_ms = self._last_key_ms, entry.at_ms
            self.turns += last_ms is None or entry.at_ms - last_ms > KEY_GAP_MS

    def add_fault(self) -> None:
        """Count an error of a handler."""
        self.faults += 1

    @property
    def is_fine(self) -> bool:
        """Whether nothing was wrong."""
        return not self.errors and not self.faults

    @property
    def pace(self) -> str:
        """How fast the bot answered, in words."""
        return f"slowest answer {self.slowest_ms:.0f} ms" if self.answers else "no answers"

    @property
    def results(self) -> str:
        """Response times, errors and warnings as text."""
        parts = [self.pace, counted(self.errors, "error"), counted(self.warnings, "warning")]
        if self.faults:
            parts.append(f"{counted(self.faults, 'handler')} failed")
        return ", ".join(parts)

    def __str__(self) -> str:
        return f"{counted(self.turns, 'turn')}, {self.results}"


def counted(number: int, name: str) -> str:
    """Return a number with a noun: `no turns`, `1 turn`, `2 turns`."""
    return f"{number or 'no'} {name}{'' if number == 1 else 's'}"
