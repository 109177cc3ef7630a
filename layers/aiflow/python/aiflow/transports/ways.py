"""Ways back: where an answer goes, by the door that its event came through."""

from dataclasses import dataclass, field
from typing import ClassVar, Protocol

from aiflow.errors import AnswerTooLarge
from aiflow.transports.connections import MAX_MESSAGE_BYTES, ConnectionSender


class Responder(Protocol):
    """Where an answer goes."""

    connection_id: str | None
    """Of the WebSocket that takes answers as they come, and several; None for the others."""

    def check(self, body: str) -> None:
        """Look whether an answer fits.

        Raises:
            AnswerTooLarge: it does not; the message says what can be done.
        """
        ...

    def send(self, body: str) -> None:
        """Let an answer go.

        Raises:
            ConnectionGone: nobody is connected any more.
            ConnectionUnavailable: it did not go out, or nobody knows.
        """
        ...


@dataclass
class BufferedResponder:
    """The way back of a request: one answer, at its end.

    Attributes:
        body: the answer, once there is one.
    """

    MAX_BYTES: ClassVar[int] = 5_000_000
    """Lambda carries 6 MB back to API Gateway; the envelope around the answer needs its share."""

    connection_id: str | None = field(default=None, init=False)
    body: str | None = None

    def check(self, body: str) -> None:
        """See `Responder.check`."""
        if len(body) > self.MAX_BYTES:
            message = f"an answer has at most {self.MAX_BYTES:,} bytes, not {len(body):,}"
            raise AnswerTooLarge(message)

    def send(self, body: str) -> None:
        """Keep the answer for whoever returns it."""
        self.body = body


@dataclass
class WebSocketResponder:
    """The way back to a WebSocket: any number of answers, each as soon as it is there.

    Attributes:
        connections: carries them.
        connection_id: where to; another one when the service has connected anew.
    """

    connections: ConnectionSender
    connection_id: str | None

    def check(self, body: str) -> None:
        """See `Responder.check`."""
        if len(body) > MAX_MESSAGE_BYTES:
            raise AnswerTooLarge(
                f"an answer over a WebSocket has at most {MAX_MESSAGE_BYTES:,} bytes, about 3 s of"
                f" sound, not {len(body):,}: yield it in pieces, or let AI Flow use the webhook"
            )

    def send(self, body: str) -> None:
        """See `Responder.send`."""
        self.connections.send(str(self.connection_id), body)
