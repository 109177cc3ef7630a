"""Counts turns, answers and problems of a call."""

from aiflow_local.simulator.engine.caller import KEY_GAP_MS
from aiflow_local.simulator.engine.transcript import EntryKind, TranscriptEntry


class CallStatistics:
    """Statistics of a call."""

    def __init__(self) -> None:
        self.turns = 0
        """Number of utterances and key sequences of the caller."""
        self.answers = 0
        self.slowest_ms = 0.0
        self.errors = 0
        """Protocol errors in answers."""
        self.warnings = 0
        self.handler_errors = 0
        """Errors that handlers raised."""
        self._last_key_ms: int | None = None

    def add(self, entry: TranscriptEntry) -> None:
        """Count a transcript entry."""
        if entry.kind is EntryKind.ANSWER:
            self.answers += 1
            self.slowest_ms = max(self.slowest_ms, entry.data["ms"])
        elif entry.kind is EntryKind.PROBLEM:
            is_error = entry.data["problem"]["severity"] == "error"
            self.errors += is_error
            self.warnings += not is_error
        elif entry.kind is EntryKind.SAID and "words" in entry.data:
            self.turns += 1
        elif entry.kind is EntryKind.SAID and "key" in entry.data:
            last_ms, self._last_key_ms = self._last_key_ms, entry.at_ms
            self.turns += last_ms is None or entry.at_ms - last_ms > KEY_GAP_MS

    def add_handler_error(self) -> None:
        """Count a handler error."""
        self.handler_errors += 1

    @property
    def is_ok(self) -> bool:
        """Whether there are no errors."""
        return not self.errors and not self.handler_errors

    @property
    def slowest_answer(self) -> str:
        """Response time of the slowest answer as text."""
        return f"slowest answer {self.slowest_ms:.0f} ms" if self.answers else "no answers"

    @property
    def results(self) -> str:
        """Response times, errors and warnings as text."""
        parts = [
            self.slowest_answer,
            counted(self.errors, "error"),
            counted(self.warnings, "warning"),
        ]
        if self.handler_errors:
            parts.append(f"{counted(self.handler_errors, 'handler')} failed")
        return ", ".join(parts)

    def __str__(self) -> str:
        return f"{counted(self.turns, 'turn')}, {self.results}"


def counted(number: int, name: str) -> str:
    """Return a number with a noun: `no turns`, `1 turn`, `2 turns`."""
    return f"{number or 'no'} {name}{'' if number == 1 else 's'}"
