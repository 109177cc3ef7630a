"""What happened in a call, in the order of the clock: to print, to record, to assert on."""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from aiflow.protocol.lint import Problem


class Kind(StrEnum):
    """Who or what an entry is about."""

    EVENT = "event"
    ANSWER = "answer"
    ACTION = "action"
    SAID = "said"
    HEARD = "heard"
    PROBLEM = "problem"
    NOTE = "note"


@dataclass(frozen=True)
class Entry:
    """One thing that happened.

    Attributes:
        at_ms: when, in milliseconds since the call began.
        kind: what it is about.
        text: one line for a person.
        data: the same for a machine: the event, the action, the problem, ...
    """

    at_ms: int
    kind: Kind
    text: str
    data: dict[str, Any]

    def to_json(self) -> dict[str, Any]:
        """Return it as it is recorded."""
        return {"at_ms": self.at_ms, "kind": self.kind.value, "text": self.text, **self.data}


@dataclass
class Transcript:
    """The entries of a call.

    Attributes:
        entries: in order.
        listener: called with each new entry, for whoever watches.
    """

    entries: list[Entry] = field(default_factory=list[Entry])
    listener: Callable[[Entry], None] | None = None

    def add(self, entry: Entry) -> None:
        """Take an entry down."""
        self.entries.append(entry)
        if self.listener:
            self.listener(entry)

    def of(self, kind: Kind) -> list[Entry]:
        """Return the entries of one kind."""
        return [entry for entry in self.entries if entry.kind is kind]

    @property
    def problems(self) -> list[Problem]:
        """What the bot did wrong, errors and warnings."""
        return [Problem(**entry.data["problem"]) for entry in self.of(Kind.PROBLEM)]

    def __str__(self) -> str:
        return "\n".join(
            f"{entry.at_ms / 1000:8.2f}  {entry.kind.value:<8} {entry.text}"
            for entry in self.entries
        )
