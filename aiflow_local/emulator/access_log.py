"""What the gateway tells of each thing that it served."""

from dataclasses import dataclass

from aiflow.telemetry import EventReport


@dataclass(frozen=True, kw_only=True)
class ServedRequest:
    """A request that was answered; told before the answer leaves.

    Attributes:
        method: of the request.
        path: of the request, percent-encoded and without its query.
        status: of the answer.
        ms: how long the answer took, in milliseconds.
        report: what the layer says of the event; None when it was not asked.
    """

    method: str
    path: str
    status: int
    ms: float
    report: EventReport | None


@dataclass(frozen=True, kw_only=True)
class ServedMessage:
    """A message of a WebSocket, or its beginning or end.

    A connection is told before who connects learns of it; a message when its invocation is over and
    all that it sent has been written.

    Attributes:
        route_key: of the route that it took; `$connect` and `$disconnect` among them.
        connection_id: made by the gateway.
        status: as the access log of API Gateway has it: 200, or why not.
        sent: how many messages the invocation sent. Those that came to `@connections` over HTTP are
            requests of their own.
        ms: how long the invocation took, in milliseconds.
        report: what the layer says of the event; None when it was not asked.
    """

    route_key: str
    connection_id: str
    status: int
    sent: int
    ms: float
    report: EventReport | None


type Served = ServedRequest | ServedMessage
