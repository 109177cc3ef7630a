"""Port to a bot, independent of the transport.

Over HTTP each event has one response. Over a WebSocket a bot may send any number of messages at any
time, and nothing marks the last one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from aiflow.protocol.types import JsonObject


@dataclass(frozen=True)
class HttpResponse:
    """Response of a bot, not validated yet.

    Attributes:
        status: HTTP status.
        headers: headers by name, as received.
        body: body as text.
        ms: response time in milliseconds.
    """

    status: int
    headers: Mapping[str, str]
    body: str
    ms: float


@dataclass(frozen=True)
class WebSocketMessage:
    """Message of a bot, not validated yet.

    Attributes:
        content: content as received; bytes for a binary message.
        ms: milliseconds since the event that it answers; None for an unsolicited message.
    """

    content: str | bytes
    ms: float | None


@dataclass(frozen=True)
class NoResponse:
    """An event was delivered and no message has come back, which a WebSocket permits.

    Attributes:
        answer_pending: whether an answer may still come.
    """

    answer_pending: bool = False


@dataclass(frozen=True)
class DeliveryFailure:
    """An event was not delivered or not answered, or the connection was lost.

    Attributes:
        code: stable identifier of the cause.
        reason: the cause in one line.
        ms: milliseconds until the failure was known.
        is_permanent: whether the bot can no longer be reached, so that the service ends the call.
    """

    code: str
    reason: str
    ms: float
    is_permanent: bool = False


type DeliveryResult = HttpResponse | WebSocketMessage | NoResponse | DeliveryFailure

EVENTS_EXPECTING_ANSWER = frozenset({"session_start", "user_speak", "user_input_timeout"})
"""Events after which the caller waits for the agent to speak."""

EVENTS_WITHOUT_ANSWER = frozenset({"session_end", "user_speech_started"})
"""Events whose answer the service ignores."""


class BotConnection(Protocol):
    """Connection to a bot for one call."""

    @property
    def reports_speech_started(self) -> bool:
        """Whether `user_speech_started` is sent: over WebSocket only."""
        ...

    def send(self, event: JsonObject) -> DeliveryResult:
        """Deliver an event and wait for the response; report a failure as a result."""
        ...

    def take_unsolicited(self) -> Sequence[WebSocketMessage | DeliveryFailure]:
        """Return messages and failures since the last call, in order, without waiting."""
        ...


class RequestResponseConnection:
    """Base of connections on which each response answers a request."""

    reports_speech_started: bool = False

    def take_unsolicited(self) -> Sequence[WebSocketMessage | DeliveryFailure]:
        """Return nothing: there are no unsolicited messages."""
        return ()
