"""Prints the transcript of a call while it runs."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from rich.console import Console
from rich.text import Text

from aiflow_local.output import print_labelled
from aiflow_local.simulator.engine.formatting import (
    MAX_SHORT_LENGTH,
    describe_action,
    format_seconds,
    printable_line,
)
from aiflow_local.simulator.engine.transcript import EntryKind, TranscriptEntry

_STYLES = {
    "agent": "bold cyan",
    "caller": "bold green",
    "heard": "yellow",
    "phone": "magenta",
    "kept": "dim",
    "error": "bold red",
    "warning": "yellow",
}
_NO_CONTENT, _OK = 204, 200


class TranscriptPrinter:
    """Prints a transcript; in colour and folded to the width on a terminal only.

    Args:
        console: where to print.
        read_state: returns `call.state` of a session; None if it is not accessible.
    """

    def __init__(
        self, console: Console, read_state: Callable[[str], Mapping[str, Any]] | None
    ) -> None:
        self._console = console
        self._read_state = read_state
        self._session_id = ""
        self._states: dict[str, Mapping[str, Any]] = {}
        self._event: TranscriptEntry | None = None
        self._show: Mapping[EntryKind, Callable[[TranscriptEntry], None]] = {
            EntryKind.EVENT: self._hold,
            EntryKind.ANSWER: self._show_answer,
            EntryKind.MESSAGE: lambda _: self._line("", "unsolicited message", "dim"),
            EntryKind.ACTION: self._show_action,
            EntryKind.SAID: self._show_caller,
            EntryKind.HEARD: self._show_heard,
            EntryKind.PROBLEM: lambda entry: self._line(
                entry.data["problem"]["severity"], entry.text
            ),
            EntryKind.NOTE: lambda entry: self._line("phone", entry.text, "magenta"),
        }

    def add(self, entry: TranscriptEntry) -> None:
        """Print a transcript entry."""
        if entry.kind is not EntryKind.ANSWER:
            self._show_event("")
        self._show[entry.kind](entry)

    def show_line(self, text: str) -> None:
        """Print a line that is not part of the transcript."""
        self._line("", text, "dim")

    def report_error(self, error: str) -> None:
        """Print the traceback of a handler error."""
        self._show_event("")
        who = "error"
        for line in error.splitlines():
            self._line(who, line, "red")
            who = ""

    def flush(self) -> None:
        """Print an event that has no answer."""
        self._show_event("")

    def end(self, summary: str, *, is_ok: bool) -> None:
        """Print the summary."""
        self._console.print()
        self._line("", summary, "bold green" if is_ok else "bold red")

    def _hold(self, event: TranscriptEntry) -> None:
        """Hold back an event, so that it shares a line with its answer."""
        self._event = event
        self._session_id = event.data["event"]["session"]["id"]

    def _show_event(self, outcome: str) -> None:
        event, self._event = self._event, None
        if event:
            self._line(format_seconds(event.at_ms), f"{event.text}{outcome}", "dim")

    def _show_answer(self, answer: TranscriptEntry) -> None:
        if self._event:
            self._show_event(f", {_outcome(answer)}")
        else:
            # Over HTTP this answers a repeated request; over WebSocket it came late.
            again = " again" if "status" in answer.data else ""
            self._line("", f"answered{again}, {_outcome(answer)}", "dim")
        if self._read_state:
            self._show_changes(dict(self._read_state(self._session_id)))

    def _show_changes(self, kept: Mapping[str, Any]) -> None:
        before = self._states.get(self._session_id, {})
        self._states[self._session_id] = kept
        gone = (f"{name}: nothing" for name in before.keys() - kept.keys())
        changed = (
            f"{name}: {_value(value)}"
            for name, value in kept.items()
            if name not in before or before[name] != value
        )
        if changes := ", ".join([*changed, *gone]):
            self._line("kept", changes, "dim")

    def _show_action(self, entry: TranscriptEntry) -> None:
        self._line("agent", describe_action(entry.data["action"]))

    def _show_caller(self, entry: TranscriptEntry) -> None:
        is_speech = "words" in entry.data
        self._line("caller", entry.data["words"] if is_speech else f"[{entry.text}]")

    def _show_heard(self, entry: TranscriptEntry) -> None:
        # The action already showed what was heard to its end.
        if entry.data["interrupted"]:
            self._line("heard", entry.text, "yellow")

    def _line(self, who: str, what: str, style: str = "") -> None:
        label, text = Text(who, _STYLES.get(who, "dim")), Text(printable_line(what), style)
        print_labelled(self._console, label, text)


def _outcome(answer: TranscriptEntry) -> str:
    # A WebSocket message has no status, and there may be no message.
    status, ms = answer.data.get("status", _OK), f"{answer.data['ms']:.0f} ms"
    if "status" not in answer.data and not answer.data["body"]:
        return answer.text
    return ms if status in {_OK, _NO_CONTENT} else f"{status}, {ms}"


def _value(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= MAX_SHORT_LENGTH else f"{text[: MAX_SHORT_LENGTH - 4]} ..."
