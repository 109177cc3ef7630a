"""Entries of the access log of the gateway."""

from dataclasses import dataclass

from aiflow.telemetry import EventReport


@dataclass(frozen=True, kw_only=True)
class RequestLogEntry:
    """An HTTP request; logged before its response is sent.

    Attributes:
        method: The HTTP method.
        path: The percent-encoded path without the query.
        status: The status of the response.
        ms: The duration in milliseconds.
        report: The report of the layer; None if no function of the layer was invoked.
    """

    method: str
    path: str
    status: int
    ms: float
    report: EventReport | None


@dataclass(frozen=True, kw_only=True)
class MessageLogEntry:
    """A WebSocket message, connection or disconnection.

    A connection is logged before the handshake is answered. A message is logged after its
    invocation has ended and everything that it sent has been written.

    Attributes:
        route_key: The key of the route, including `$connect` and `$disconnect`.
        connection_id: The id of the connection.
        status: The status, as in the access log of API Gateway: 200, or an error.
        sent: The number of messages that the invocation sent in process. Messages through
            `@connections` over HTTP are logged as requests.
        ms: The duration of the invocation in milliseconds.
        report: The report of the layer; None if no function of the layer was invoked.
    """

    route_key: str
    connection_id: str
    status: int
    sent: int
    ms: float
    report: EventReport | None


type AccessLogEntry = RequestLogEntry | MessageLogEntry
