"""The transport ports: how an event is received, and where its answer goes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol

from aiflow.errors import AnswerTooLarge, RequestRejected
from aiflow.protocol.events import Event, UnknownEvent, legacy_name, parse_event
from aiflow.settings import Settings
from aiflow.telemetry import EventReport


class Responder(Protocol):
    """Sends answers."""

    connection_id: str | None
    """Of the WebSocket connection that takes several answers; None where there is one answer."""

    def check(self, body: str) -> None:
        """Check the size of an answer.

        Raises:
            AnswerTooLarge: it does not fit; the message says what can be done.
        """
        ...

    def send(self, body: str) -> None:
        """Send an answer.

        Raises:
            ConnectionGone: the connection is closed.
            ConnectionUnavailable: the answer was not sent, or it is unknown whether it was.
        """
        ...


class Transport(Protocol):
    """Receives one event and returns the result of the invocation."""

    @property
    def responder(self) -> Responder:
        """Where answers go."""
        ...

    def receive(self, settings: Settings, report: EventReport) -> Event | UnknownEvent:
        """Authenticate, limit and parse the event, in this order.

        Raises:
            RequestRejected: the request reaches no handler.
        """
        ...

    def response(self) -> Any:  # noqa: ANN401 - JSON
        """Return the result of an invocation that processed the event."""
        ...

    def rejection(self, rejected: RequestRejected) -> Any:  # noqa: ANN401 - JSON
        """Return the result of an invocation that rejected the request."""
        ...


@dataclass
class BufferedResponder:
    """Keeps the one answer of a request until the invocation returns it.

    Attributes:
        body: the answer; None until there is one.
    """

    MAX_BYTES: ClassVar[int] = 5_000_000
    """Lambda returns at most 6 MB to API Gateway, including the envelope of the answer."""

    connection_id: str | None = field(default=None, init=False)
    body: str | None = None

    def check(self, body: str) -> None:
        """See `Responder.check`."""
        if len(body) > self.MAX_BYTES:
            message = f"an answer has at most {self.MAX_BYTES:,} bytes, not {len(body):,}"
            raise AnswerTooLarge(message)

    def send(self, body: str) -> None:
        """See `Responder.send`."""
        self.body = body


def parse(data: Mapping[str, object], report: EventReport) -> Event | UnknownEvent:
    """Return the event in a JSON object, and report the use of a legacy name.

    Raises:
        InvalidEvent: it is not an event.
    """
    event, legacy = parse_event(data), legacy_name(data)
    if legacy:
        report.details["legacy_name"] = legacy
    return event
