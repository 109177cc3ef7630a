"""The result of a goal, and sample sizes."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

type Verdict = Literal["pass", "FAIL", "not run"]


@dataclass(frozen=True)
class GoalResult:
    """One row of the table.

    Attributes:
        goal: the goal.
        measured: the measurement.
        verdict: whether the goal is met; `not run` does not count as met.
    """

    goal: str
    measured: str
    verdict: Verdict


@dataclass(frozen=True)
class SampleSizes:
    """How much is measured.

    Attributes:
        calls: calls of the profile `everyday`.
        seeds: seeds of the profile `swarm`.
        bodies: generated bodies.
        turns: turns of each process.
        programs: programs of the store comparison.
        emulated_calls: calls through the Lambda emulator.
        outage_calls: calls during an outage.
        texts: hostile texts.
        long_call_turns: turns of the long call.
        numbers: numbers that the obedient model is told.
    """

    calls: int
    seeds: int
    bodies: int
    turns: int
    programs: int
    emulated_calls: int
    outage_calls: int
    texts: int
    long_call_turns: int
    numbers: int


type GoalResults = Iterator[tuple[str, GoalResult]]
"""Results by the id of their goal."""


def verdict(*, is_met: bool) -> Verdict:
    """Return the verdict of a condition."""
    return "pass" if is_met else "FAIL"


def examples(things: Sequence[object]) -> str:
    """Return the first three items in parentheses, or an empty text."""
    return f"({'; '.join(str(each) for each in things[:3])})" if things else ""
