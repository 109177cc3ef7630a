"""The port to a bot: how an event gets there and what comes back, whatever lies between.

Over HTTP each event has its answer. Over WebSocket a bot may send what it likes when it likes:
silence is the absence of a message, and nobody ever says that this was all.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from aiflow.protocol.types import JsonObject


@dataclass(frozen=True)
class HttpResponse:
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
class WebSocketMessage:
    """What a bot sent over a WebSocket; nothing of it is judged yet.

    Attributes:
        content: as it came; bytes are a binary message.
        ms: milliseconds since the event that it answers; None for one that came by itself.
    """

    content: str | bytes
    ms: float | None


@dataclass(frozen=True)
class NoResponse:
    """An event got there, and no message has come for it: over a WebSocket that is no fault.

    Attributes:
        is_open: whether an answer is awaited, and nobody has waited for it yet.
    """

    is_open: bool = False


@dataclass(frozen=True)
class DeliveryFailure:
    """There was no answer, or there can be none any more.

    Attributes:
        code: one word for programs.
        reason: what happened, in one line.
        ms: milliseconds until that was clear.
        is_final: whether nothing gets there any more: the service gives the call up.
    """

    code: str
    reason: str
    ms: float
    is_final: bool = False


type DeliveryResult = HttpResponse | WebSocketMessage | NoResponse | DeliveryFailure

EVENTS_EXPECTING_ANSWER = frozenset({"session_start", "user_speak", "user_input_timeout"})
"""Events after which a caller waits for the agent to say something."""

EVENTS_WITHOUT_ANSWER = frozenset({"session_end", "user_speech_started"})
"""Events whose answer the service does not read."""


class BotConnection(Protocol):
    """A way to a bot."""

    @property
    def reports_speech_started(self) -> bool:
        """Whether `user_speech_started` passes: over WebSocket only."""
        ...

    def send(self, event: JsonObject) -> DeliveryResult:
        """Deliver an event and wait for the answer; whatever happens, that is an outcome."""
        ...

    def take_unsolicited(self) -> Sequence[WebSocketMessage | DeliveryFailure]:
        """Return what has come besides, in order, and only once; wait for nothing."""
        ...


class RequestResponseConnection:
    """What all doors have in common through which nothing comes unless it is asked for."""

    reports_speech_started: bool = False

    def take_unsolicited(self) -> Sequence[WebSocketMessage | DeliveryFailure]:
        """Return nothing: see `Door.arrived`."""
        return ()
