"""What a function gets from outside: once at start-up, or new with each event."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from aiflow.runtime.connections import Connections
from aiflow.runtime.deadline import TimeLimit, unlimited
from aiflow.runtime.meanwhile import Meanwhile, never
from aiflow.runtime.observability import Telemetry
from aiflow.runtime.settings import Settings
from aiflow.sessions.store import SessionStore


@dataclass(frozen=True, kw_only=True)
class Surroundings:
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
class Runtime(Surroundings):
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
    connections: Connections
    pause: Callable[[float], None]
    chance: Callable[[], float]
    time_limit: TimeLimit
    store_limit: TimeLimit = unlimited
    meanwhile: Meanwhile = never


class Context(Protocol):
    """What we ask of Lambda's context."""

    @property
    def aws_request_id(self) -> str:
        """The id of this invocation."""
        ...

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until the platform ends this invocation."""
        ...


@dataclass(frozen=True, kw_only=True)
class Invocation:
    """One run of a Lambda function.

    Attributes:
        id: given by the platform, different for each.
        arrived_at: Unix time in seconds.
        remaining_seconds: from then until the platform ends it.
    """

    id: str
    arrived_at: float
    remaining_seconds: float
