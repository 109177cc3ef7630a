"""What every function needs from outside, made once at start-up and passed in."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from aiflow.runtime.observability import Telemetry
from aiflow.runtime.settings import Settings


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


class Context(Protocol):
    """What we ask of Lambda's context."""

    @property
    def aws_request_id(self) -> str:
        """The id of this invocation."""
        ...

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until the platform ends this invocation."""
        ...
