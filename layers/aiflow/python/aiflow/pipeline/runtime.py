"""What a function gets from outside: once at start-up, or new with each event."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from aiflow.pipeline.meanwhile import DelayedAction, never
from aiflow.pipeline.time_limits import TimeLimit, no_timeout
from aiflow.sessions.store import SessionStore
from aiflow.settings import Settings
from aiflow.telemetry import Telemetry
from aiflow.transports.connections import ConnectionSender


@dataclass(frozen=True, kw_only=True)
class Dependencies:
    """What a function needs that keeps nothing and answers nobody.

    Attributes:
        settings: what the operator decided.
        telemetry: where it is told how events went.
        now: Unix time in seconds.
    """

    settings: Settings
    telemetry: Telemetry
    now: Callable[[], float]


@dataclass(frozen=True, kw_only=True)
class Runtime(Dependencies):
    """All that comes from outside.

    Attributes:
        sessions: where calls are kept.
        connections: the way to those who are connected to a WebSocket.
        pause: waits for so many seconds.
        chance: a random number from 0 up to 1.
        time_limit: limits what a handler does to so many seconds.
        store_limit: limits a request to the store likewise.
        meanwhile: does something while a handler still thinks.
    """

    sessions: SessionStore
    connections: ConnectionSender
    pause: Callable[[float], None]
    chance: Callable[[], float]
    time_limit: TimeLimit
    store_limit: TimeLimit = no_timeout
    meanwhile: DelayedAction = never


class Context(Protocol):
    """What we ask of Lambda's context."""

    @property
    def aws_request_id(self) -> str:
        """The id of this invocation."""
        ...

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until the platform ends this invocation."""
        ...


class Invocation(NamedTuple):
    """One run of a Lambda function.

    Attributes:
        id: given by the platform, different for each.
        arrived_at: Unix time in seconds.
        remaining_seconds: from then until the platform ends it.
    """

    id: str
    arrived_at: float
    remaining_seconds: float
