"""All invariants, and the check of an execution against them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tests.simulation import (
    invariants_answers,
    invariants_ends,
    invariants_history,
    invariants_limits,
    invariants_speech,
)
from tests.simulation.execution import Execution
from tests.simulation.histories import Findings, Histories


@dataclass(frozen=True)
class Violation:
    """A violation of an invariant.

    Attributes:
        invariant: name of the invariant.
        session_id: session id of the call.
        what: description.
    """

    invariant: str
    session_id: str
    what: str


def check_invariants(execution: Execution) -> list[Violation]:
    """Return all violations of invariants in an execution."""
    histories = Histories(execution.trace)
    return [
        Violation(name, session_id, what)
        for name, checks in INVARIANTS.items()
        for check in checks
        for session_id, what in check(execution, histories)
    ]


type Check = Callable[[Execution, Histories], Findings]

INVARIANTS: Mapping[str, tuple[Check, ...]] = {
    "I1": (invariants_history.turns_are_stored_once,),
    "I2": (invariants_history.history_only_grows, invariants_history.state_is_stored_with_its_turn),
    "I3": (invariants_history.order_is_preserved, invariants_speech.outdated_answers_stop),
    "I4": (invariants_answers.billable_actions_are_sent_once,),
    "I5": (
        invariants_answers.decided_actions_are_sent,
        invariants_speech.deferred_actions_are_sent_in_time,
    ),
    "I6": (invariants_answers.nothing_follows_the_end,),
    "I7": (invariants_answers.calls_are_isolated,),
    "I8": (invariants_answers.items_expire,),
    "I9": (
        invariants_answers.events_are_answered,
        invariants_speech.speech_is_answered,
        invariants_speech.failure_needs_two_apologies,
    ),
    "I10": (invariants_limits.limits_hold,),
    "I11": (invariants_limits.targets_are_allowed,),
    "I12": (invariants_answers.logs_contain_no_secrets,),
    "I14": (invariants_answers.invocations_are_accounted_for,),
    "I15": (invariants_ends.abandoned_calls_are_closed_once,),
}
"""Checks by the name of the invariant."""
