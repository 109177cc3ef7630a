"""What a function gets from outside: at start-up, or with each event."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from aiflow.pipeline.time_limits import DelayedAction, TimeLimit, never, no_timeout
from aiflow.sessions.store import SessionStore
from aiflow.settings import Settings
from aiflow.telemetry import Telemetry
from aiflow.transports.connection_sender import ConnectionSender


@dataclass(frozen=True, kw_only=True)
class Dependencies:
    """The dependencies of a function without state.

    Attributes:
        settings: of the stack.
        telemetry: writes log lines and metrics.
        now: Unix time in seconds.
    """

    settings: Settings
    telemetry: Telemetry
    now: Callable[[], float]


@dataclass(frozen=True, kw_only=True)
class Runtime(Dependencies):
    """The dependencies of a function that processes events.

    Attributes:
        sessions: stores the calls.
        connections: sends answers over a WebSocket.
        pause: waits for a number of seconds.
        chance: a random number from 0 up to 1.
        time_limit: limits a handler to a number of seconds.
        store_limit: limits a request to the store likewise.
        run_if_slow: does something once if a handler takes longer than a number of seconds.
    """

    sessions: SessionStore
    connections: ConnectionSender
    pause: Callable[[float], None]
    chance: Callable[[], float]
    time_limit: TimeLimit
    store_limit: TimeLimit = no_timeout
    run_if_slow: DelayedAction = never


class Context(Protocol):
    """The part of Lambda's context that is used."""

    @property
    def aws_request_id(self) -> str:
        """The id of this invocation."""
        ...

    def get_remaining_time_in_millis(self) -> int:
        """Return the milliseconds until the platform ends this invocation."""
        ...


class Invocation(NamedTuple):
    """One run of a Lambda function.

    Attributes:
        id: unique id from the platform.
        arrived_at: Unix time in seconds.
        remaining_seconds: from then until the platform ends the invocation.
    """

    id: str
    arrived_at: float
    remaining_seconds: float
