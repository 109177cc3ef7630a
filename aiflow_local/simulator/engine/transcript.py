"""What happened in a call, in the order of the clock: to print, to record, to assert on."""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from aiflow import Action
from aiflow.protocol.lint import Diagnostic
from aiflow_local.simulator.engine.clock import Clock
from aiflow_local.simulator.engine.formatting import format_action, printable_line


class EntryKind(StrEnum):
    """Who or what an entry is about."""

    EVENT = "event"
    """The service sends an event: `event`."""
    ANSWER = "answer"
    """The bot answers it: `ms`, `body`, and over HTTP `status`."""
    MESSAGE = "message"
    """The bot sends something by itself: `body`."""
    ACTION = "action"
    """The service takes an action of an answer: `action`."""
    SAID = "said"
    """The caller says `words` or presses a `key`."""
    HEARD = "heard"
    """A playback is over: `words` that were heard of it, whether it was `interrupted`."""
    PROBLEM = "problem"
    """The bot did something wrong: `problem`."""
    NOTE = "note"
    """Anything else that a reader should know."""


_WHO = {
    EntryKind.ACTION: "agent",
    EntryKind.SAID: "caller",
    EntryKind.NOTE: "phone",
}


@dataclass(frozen=True, slots=True)
class TranscriptEntry:
    """One thing that happened.

    Attributes:
        at_ms: when, in milliseconds since the call began.
        kind: what it is about.
        text: one line for a person.
        data: the same for a machine: the event, the action, the problem, ...
    """

    at_ms: int
    kind: EntryKind
    text: str
    data: dict[str, Any]

    def to_json(self) -> dict[str, Any]:
        """Return it as it is recorded."""
        return {"at_ms": self.at_ms, "kind": self.kind.value, "text": self.text, **self.data}

    def __str__(self) -> str:
        if self.kind is EntryKind.PROBLEM:
            return self._line(self.data["problem"]["severity"].upper())
        return self._line(_WHO.get(self.kind, self.kind.value))

    def _line(self, who: str) -> str:
        return f"{self.at_ms / 1000:8.2f}  {who:<7}  {printable_line(self.text)}"


@dataclass
class Transcript:
    """The entries of a call.

    Attributes:
        entries: in order.
        listener: called with each new entry, for whoever watches.
    """

    entries: list[TranscriptEntry] = field(default_factory=list[TranscriptEntry])
    listener: Callable[[TranscriptEntry], None] | None = None

    def add(self, entry: TranscriptEntry) -> None:
        """Take an entry down."""
        self.entries.append(entry)
        if self.listener:
            self.listener(entry)

    def of(self, kind: EntryKind) -> list[TranscriptEntry]:
        """Return the entries of one kind."""
        return [entry for entry in self.entries if entry.kind is kind]

    @property
    def problems(self) -> list[Diagnostic]:
        """What the bot did wrong, errors and warnings."""
        return [Diagnostic(**entry.data["problem"]) for entry in self.of(EntryKind.PROBLEM)]

    def __str__(self) -> str:
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        """Return a line for each entry; an event and its answer share one."""
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
    """Takes down what happens, when it happens.

    Args:
        clock: of the call.
        transcript: where to.
    """

    def __init__(self, clock: Clock, transcript: Transcript) -> None:
        self._clock = clock
        self._transcript = transcript

    def record(self, kind: EntryKind, text: str, data: dict[str, Any]) -> None:
        """Add an entry."""
        self._transcript.add(TranscriptEntry(self._clock.now_ms, kind, text, data))

    def action(self, action: Action) -> None:
        """Record an action that the service takes."""
        wire = action.to_wire()
        self.record(EntryKind.ACTION, format_action(wire), {"action": wire})

    def note(self, text: str) -> None:
        """Take down what is neither event nor action."""
        self.record(EntryKind.NOTE, text, {})

    def problem(self, problem: Diagnostic) -> None:
        """Take down what the bot did wrong."""
        text = f"{problem.path} {problem.message} [{problem.code}]".lstrip()
        self.record(EntryKind.PROBLEM, text, {"problem": asdict(problem)})
