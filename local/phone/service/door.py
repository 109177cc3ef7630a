"""The port to a bot: how an event gets there and what comes back, whatever lies between."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from aiflow.protocol.types import JsonObject


@dataclass(frozen=True)
class Answered:
    """What a bot answered; nothing of it is judged yet.

    Attributes:
        status: HTTP status.
        headers: by name, as they came.
        body: as text.
        ms: milliseconds until it was there.
    """

    status: int
    headers: Mapping[str, str]
    body: str
    ms: float


@dataclass(frozen=True)
class Failed:
    """There was no answer.

    Attributes:
        code: one word for programs.
        reason: what happened, in one line.
        ms: milliseconds until that was clear.
    """

    code: str
    reason: str
    ms: float


class Door(Protocol):
    """A way to a bot."""

    @property
    def reports_speech_started(self) -> bool:
        """Whether `user_speech_started` passes: over WebSocket only."""
        ...

    def send(self, event: JsonObject) -> Answered | Failed:
        """Deliver an event and wait for the answer; whatever happens, that is an outcome."""
        ...
