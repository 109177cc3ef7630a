"""A runtime without AWS: a clock, an in-memory store, a readable log, gateway envelopes."""

import base64
import io
import json
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from http import HTTPStatus
from itertools import count
from typing import Any, Literal, NamedTuple, cast

from aiflow.entrypoints.event import Entrypoint
from aiflow.pipeline.runtime import Runtime
from aiflow.pipeline.time_limits import TimeLimit
from aiflow.sessions.memory import InMemorySessionStore
from aiflow.sessions.store import SessionStore
from aiflow.settings import Settings
from aiflow.telemetry import Telemetry
from aiflow.transports.connection_sender import ConnectionSender, UnavailableConnectionSender

TOKEN = "correct-horse-battery-staple-0123456789abcdef"
"""The API token of every stack under test; settings contain only its digest."""

NOW = 1_800_000_000.0
"""The initial time of every clock: Unix time in seconds."""

type Body = str | bytes | Mapping[str, object] | Sequence[object] | None
"""The body of a request: text and bytes unchanged, anything else as JSON."""

type Header = str | Sequence[str] | None
"""The value of a header, or all values of a repeated one; None leaves it out."""

type Envelope = dict[str, Any]
"""The payload that API Gateway passes to a function."""

_numbers = count(1)


@dataclass
class Clock:
    """A clock that changes only by `advance`; call it to read it."""

    seconds: float = NOW

    def __call__(self) -> float:
        return self.seconds

    def advance(self, seconds: float) -> None:
        """Advance the clock."""
        self.seconds += seconds


class Log(io.StringIO):
    """The output stream of a function, which can be read as JSON."""

    def lines(self) -> list[dict[str, Any]]:
        """Return all lines; each must be a JSON object."""
        return [json.loads(line) for line in self.getvalue().splitlines()]

    def entries(self) -> list[dict[str, Any]]:
        """Return the log lines."""
        return [line for line in self.lines() if "_aws" not in line]

    def metrics(self) -> list[dict[str, Any]]:
        """Return the metrics of each event, with the blobs of one event merged."""
        return events_metrics(self.lines())


def events_metrics(lines: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Merge the metric blobs of each event; the first blob of an event has `Events`."""
    events: list[dict[str, Any]] = []
    for blob in lines:
        if "Events" in blob:
            events.append(blob)
        elif "_aws" in blob:
            directives = events[-1]["_aws"]["CloudWatchMetrics"]
            directives += blob["_aws"]["CloudWatchMetrics"]
            events[-1] |= {name: value for name, value in blob.items() if name != "_aws"}
    return events


@dataclass(frozen=True)
class FakeContext:
    """Lambda's context of one invocation, with a new request id by default."""

    aws_request_id: str = field(default_factory=lambda: f"invocation-{next(_numbers)}")
    remaining_ms: int = 10_000

    def get_remaining_time_in_millis(self) -> int:
        """Return the milliseconds until Lambda ends this invocation."""
        return self.remaining_ms


class Answer(NamedTuple):
    """The HTTP status, and the body as JSON, None without a body."""

    status: int
    body: Any


@contextmanager
def unlimited(_seconds: float) -> Generator[None]:
    """Set no time limit."""
    yield


class RecordingTimeLimit:
    """A time limit that records the requested seconds, and never interrupts."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    @contextmanager
    def __call__(self, seconds: float) -> Generator[None]:
        self.seconds.append(round(seconds, 6))
        yield


def digest_of(token: str) -> str:
    """Return the digest of a token as settings contain it."""
    return sha256(token.encode()).hexdigest()


def make_settings(**overrides: object) -> Settings:
    """Return settings for `TOKEN`, with some fields replaced."""
    defaults = {"token_digest": digest_of(TOKEN), "sessions_table": "sessions"}
    return Settings.model_validate({**defaults, **overrides})


def make_runtime(  # noqa: PLR0913 - the parts of a runtime, each with a default
    sessions: SessionStore | None = None,
    clock: Clock | None = None,
    settings: Settings | None = None,
    stream: io.StringIO | None = None,
    time_limit: TimeLimit = unlimited,
    *,
    chance: Callable[[], float] = lambda: 0.5,
    connections: ConnectionSender | None = None,
) -> Runtime:
    """Return an in-memory runtime whose pauses advance the clock instead of waiting."""
    clock = clock or Clock()
    settings = settings or make_settings()
    # Powertools keeps one logger per name, with the stream of its first use.
    service = f"{settings.service_name}-{next(_numbers)}"
    telemetry = Telemetry(
        service, settings.metrics_namespace, settings.log_level, stream or io.StringIO()
    )
    return Runtime(
        settings=settings,
        sessions=InMemorySessionStore(clock) if sessions is None else sessions,
        connections=connections or UnavailableConnectionSender(),
        telemetry=telemetry,
        now=clock,
        pause=clock.advance,
        chance=chance,
        time_limit=time_limit,
    )


def http_v2(
    body: Body,
    *,
    token: Header = TOKEN,
    headers: Mapping[str, Header] | None = None,
    method: str = "POST",
    base64: bool = False,  # the name in the envelope
) -> Envelope:
    """Return a request as an HTTP API passes it on: payload 2.0, repeated headers joined."""
    text, is_encoded = _text(body, encode=base64)
    return {
        "version": "2.0",
        "routeKey": f"{method} /webhook",
        "rawPath": "/webhook",
        "rawQueryString": "",
        "headers": {
            name.lower(): ",".join(values) for name, values in _headers(token, headers).items()
        },
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "api",
            "http": {
                "method": method,
                "path": "/webhook",
                "protocol": "HTTP/1.1",
                "sourceIp": "192.0.2.1",
                "userAgent": "test",
            },
            "requestId": "request",
            "stage": "$default",
            "timeEpoch": int(NOW * 1000),
        },
        **({} if text is None else {"body": text}),
        "isBase64Encoded": is_encoded,
    }


def rest_v1(
    body: Body,
    *,
    token: Header = TOKEN,
    headers: Mapping[str, Header] | None = None,
    method: str = "POST",
    base64: bool = False,  # the name in the envelope
) -> Envelope:
    """Return a request as a REST API passes it on: payload 1.0, repeated headers listed apart."""
    text, is_encoded = _text(body, encode=base64)
    several = _headers(token, headers)
    return {
        "resource": "/webhook",
        "path": "/webhook",
        "httpMethod": method,
        "headers": {name: values[-1] for name, values in several.items()} or None,
        "multiValueHeaders": several or None,
        "queryStringParameters": None,
        "multiValueQueryStringParameters": None,
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "api",
            "httpMethod": method,
            "identity": {"sourceIp": "192.0.2.1", "userAgent": "test"},
            "path": "/prod/webhook",
            "requestId": "request",
            "stage": "prod",
        },
        "body": text,
        "isBase64Encoded": is_encoded,
    }


def websocket(
    body: Body,
    *,
    connection_id: str = "connection-1",
    kind: str = "MESSAGE",
    base64: bool = False,  # the name in the envelope
) -> Envelope:
    """Return the payload of a WebSocket API for a message, a connect or a disconnect."""
    text, is_encoded = _text(body, encode=base64)
    return {
        "requestContext": {
            "routeKey": {"CONNECT": "$connect", "DISCONNECT": "$disconnect"}.get(kind, "$default"),
            "messageId": "message",
            "eventType": kind,
            "extendedRequestId": "request",
            "requestTime": "15/Jan/2027:08:00:00 +0000",
            "messageDirection": "IN",
            "stage": "live",
            "connectedAt": int(NOW * 1000),
            "requestTimeEpoch": int(NOW * 1000),
            "identity": {"sourceIp": "192.0.2.1"},
            "requestId": "request",
            "domainName": "api.execute-api.eu-central-1.amazonaws.com",
            "connectionId": connection_id,
            "apiId": "api",
        },
        **({} if text is None else {"body": text}),
        "isBase64Encoded": is_encoded,
    }


def send(
    entrypoint: Entrypoint,
    envelope: object,
    runtime: Runtime,
    context: FakeContext | None = None,
) -> Answer:
    """Call an entrypoint with an envelope, or with a plain event, in `runtime`."""
    answer = entrypoint.bind(runtime)(cast("Envelope", envelope), context or FakeContext())
    if not isinstance(envelope, Mapping) or "requestContext" not in envelope:
        return Answer(_status(answer), answer)
    body = answer.get("body")
    return Answer(answer["statusCode"], None if body is None else json.loads(body))


def invoke(
    entrypoint: Entrypoint,
    event: Mapping[str, object],
    runtime: Runtime,
    transport: Literal["http", "rest", "raw"] = "http",
    context: FakeContext | None = None,
) -> Answer:
    """Send an event over a transport: an HTTP API, a REST API, or a direct invocation."""
    envelopes: dict[str, Callable[[Mapping[str, object]], Mapping[str, Any]]] = {
        "http": http_v2,
        "rest": rest_v1,
        "raw": lambda event: event,
    }
    return send(entrypoint, envelopes[transport](event), runtime, context)


def _text(body: Body, *, encode: bool) -> tuple[str | None, bool]:
    """Return a body as API Gateway passes it on, and whether it is base64."""
    if body is None:
        return None, False
    if not isinstance(body, str | bytes):
        body = json.dumps(body)
    if isinstance(body, bytes) or encode:
        plain = body if isinstance(body, bytes) else body.encode()
        return base64.b64encode(plain).decode(), True
    return body, False


def _headers(token: Header, others: Mapping[str, Header] | None) -> dict[str, list[str]]:
    given = {"content-type": "application/json", "X-API-TOKEN": token, **(others or {})}
    return {
        name: [value] if isinstance(value, str) else list(value)
        for name, value in given.items()
        if value is not None
    }


def _status(answer: object) -> int:
    """Return the HTTP status that corresponds to an answer without an envelope."""
    if isinstance(answer, dict) and "error" in answer:
        return next(status for status in HTTPStatus if status.phrase == answer["error"]).value
    return (HTTPStatus.NO_CONTENT if answer is None else HTTPStatus.OK).value
