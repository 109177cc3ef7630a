"""The judges: each looks at what happened for one thing that must never be."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tests.simulation import (
    judges_of_answers,
    judges_of_costs,
    judges_of_ends,
    judges_of_turns,
    judges_of_words,
)
from tests.simulation.happened import Happened
from tests.simulation.history import Finds, Histories


@dataclass(frozen=True)
class Violation:
    """Something that must never be.

    Attributes:
        invariant: which one does not hold.
        session_id: of the call.
        what: happened.
    """

    invariant: str
    session_id: str
    what: str


def judged(happened: Happened) -> list[Violation]:
    """Return everything that must not have happened."""
    histories = Histories(happened.record)
    return [
        Violation(name, session_id, what)
        for name, judges in INVARIANTS.items()
        for judge in judges
        for session_id, what in judge(happened, histories)
    ]


type Judge = Callable[[Happened, Histories], Finds]

INVARIANTS: Mapping[str, tuple[Judge, ...]] = {
    "I1": (judges_of_turns.turns_are_kept_once,),
    "I2": (judges_of_turns.history_only_grows, judges_of_turns.state_goes_with_its_turn),
    "I3": (judges_of_turns.order_is_kept, judges_of_words.nothing_outdated_is_said),
    "I4": (judges_of_answers.priced_actions_go_out_once,),
    "I5": (
        judges_of_answers.what_was_decided_goes_out,
        judges_of_words.what_waits_goes_out_in_time,
    ),
    "I6": (judges_of_answers.nothing_after_the_end,),
    "I7": (judges_of_answers.calls_stay_apart,),
    "I8": (judges_of_answers.everything_expires,),
    "I9": (
        judges_of_answers.everything_is_answered,
        judges_of_words.nobody_is_left_in_silence,
        judges_of_words.trouble_comes_of_two_apologies,
    ),
    "I10": (judges_of_costs.caps_hold,),
    "I11": (judges_of_costs.numbers_are_allowed,),
    "I12": (judges_of_answers.nothing_is_told,),
    "I14": (judges_of_answers.everything_is_accounted_for,),
    "I15": (judges_of_ends.abandoned_calls_are_closed_once,),
}
"""By the name that the mutants go by."""
