"""How the service and the callers of a simulation are, all of them."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Behaviour:
    """How the service and the callers of a simulation are.

    Attributes:
        repeats: whether the service repeats a request that failed.
        obeys_copies: whether it also obeys the answers to what only the network repeated.
        repeated_words: the share of what is said that others said before.
        most_turns: of a call.
        spread_ms: within which all calls begin.
        gap_ms: at most between what a caller does and does next.
    """

    retries_failed_requests: bool = False
    executes_duplicate_answers: bool = False
    repeated_text_share: float = 0.0
    max_turns: int = 6
    start_spread_ms: int = 4000
    max_gap_ms: int = 5000
