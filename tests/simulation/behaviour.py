"""Behaviour of the service and the callers, the same for all calls of a simulation."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Behaviour:
    """Behaviour of the service and the callers.

    Attributes:
        retries_failed_requests: whether the service retries a failed request.
        executes_duplicate_answers: whether it executes answers to requests that the network copied.
        repeated_text_share: share of the turns whose text is used by all callers.
        max_turns: maximum number of turns of a call.
        start_spread_ms: period in which all calls start.
        max_gap_ms: maximum time between two actions of a caller.
    """

    retries_failed_requests: bool = False
    executes_duplicate_answers: bool = False
    repeated_text_share: float = 0.0
    max_turns: int = 6
    start_spread_ms: int = 4000
    max_gap_ms: int = 5000
