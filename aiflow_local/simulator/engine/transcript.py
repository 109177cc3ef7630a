"""Records what happens in a call, in order of time."""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from aiflow import Action
from aiflow.protocol.lint import Diagnostic
from aiflow_local.simulator.engine.clock import Clock
from aiflow_local.simulator.engine.formatting import format_action, printable_line


class EntryKind(StrEnum):
    """Kind of a transcript entry."""

    EVENT = "event"
    """The service sends an event: `event`."""
    ANSWER = "answer"
    """The bot answers: `ms`, `body`, and over HTTP `status`."""
    MESSAGE = "message"
    """The bot sends an unsolicited message: `body`."""
    ACTION = "action"
    """The service executes an action: `action`."""
    SAID = "said"
    """The caller says `words` or presses a `key`."""
    HEARD = "heard"
    """A playback ends: heard `words`, and whether it was `interrupted`."""
    PROBLEM = "problem"
    """An answer has an error or a warning: `problem`."""
    NOTE = "note"
    """Anything else."""


_WHO = {
    EntryKind.ACTION: "agent",
    EntryKind.SAID: "caller",
    EntryKind.NOTE: "phone",
}


@dataclass(frozen=True, slots=True)
class TranscriptEntry:
    """Entry of a transcript.

    Attributes:
        at_ms: milliseconds since the start of the call.
        kind: kind of the entry.
        text: text for people, in one line.
        data: the event, the action, the problem, and so on.
    """

    at_ms: int
    kind: EntryKind
    text: str
    data: dict[str, Any]

    def to_json(self) -> dict[str, Any]:
        """Return the entry as it is stored in a recording."""
        return {"at_ms": self.at_ms, "kind": self.kind.value, "text": self.text, **self.data}

    def __str__(self) -> str:
        if self.kind is EntryKind.PROBLEM:
            return self._line(self.data["problem"]["severity"].upper())
        return self._line(_WHO.get(self.kind, self.kind.value))

    def _line(self, who: str) -> str:
        return f"{self.at_ms / 1000:8.2f}  {who:<7}  {printable_line(self.text)}"


@dataclass
class Transcript:
    """Transcript of a call.

    Attributes:
        entries: entries in order.
        listener: called with each new entry.
    """

    entries: list[TranscriptEntry] = field(default_factory=list[TranscriptEntry])
    listener: Callable[[TranscriptEntry], None] | None = None

    def add(self, entry: TranscriptEntry) -> None:
        """Add an entry."""
        self.entries.append(entry)
        if self.listener:
            self.listener(entry)

    def of(self, kind: EntryKind) -> list[TranscriptEntry]:
        """Return the entries of one kind."""
        return [entry for entry in self.entries if entry.kind is kind]

    @property
    def problems(self) -> list[Diagnostic]:
        """Errors and warnings of the answers."""
        return [Diagnostic(**entry.data["problem"]) for entry in self.of(EntryKind.PROBLEM)]

    def __str__(self) -> str:
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        """Return one line per entry; an event and its answer share a line."""
        event = ""
        for entry in self.entries:
            if entry.kind is EntryKind.ANSWER and event:
                yield f"{event} -> {entry.text}"
                event = ""
                continue
            if event:
                yield event
            event = str(entry) if entry.kind is EntryKind.EVENT else ""
            if not event:
                yield str(entry)
        if event:
            yield event


class TranscriptWriter:
    """Adds entries with the current time to a transcript.

    Args:
        clock: clock of the call.
        transcript: the transcript.
    """

    def __init__(self, clock: Clock, transcript: Transcript) -> None:
        self._clock = clock
        self._transcript = transcript

    def record(self, kind: EntryKind, text: str, data: dict[str, Any]) -> None:
        """Add an entry."""
        self._transcript.add(TranscriptEntry(self._clock.now_ms, kind, text, data))

    def action(self, action: Action) -> None:
        """Add an executed action."""
        wire = action.to_wire()
        self.record(EntryKind.ACTION, format_action(wire), {"action": wire})

    def note(self, text: str) -> None:
        """Add a note."""
        self.record(EntryKind.NOTE, text, {})

    def problem(self, problem: Diagnostic) -> None:
        """Add an error or a warning."""
        text = f"{problem.path} {problem.message} [{problem.code}]".lstrip()
        self.record(EntryKind.PROBLEM, text, {"problem": asdict(problem)})
