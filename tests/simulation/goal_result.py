"""A line of the table of figures, and how much is measured for it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

type Verdict = Literal["pass", "FAIL", "not run"]


@dataclass(frozen=True)
class GoalResult:
    """One line of the table.

    Attributes:
        goal: what is promised.
        measured: what was found.
        verdict: whether that is enough; `not run` is no pass.
    """

    goal: str
    measured: str
    verdict: Verdict


@dataclass(frozen=True)
class SampleSizes:
    """How much is measured.

    Attributes:
        calls: of bad days.
        seeds: of the swarm.
        bodies: that chance makes.
        turns: of each process.
        programs: of the differential test.
        emulated_calls: calls through the emulator.
        outage_calls: calls that an outage hits.
        texts: hostile ones.
        long_call_turns: turns of the long call.
        numbers: that an obedient model is told.
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
"""Figures by the name of their goal."""


def verdict(*, is_met: bool) -> Verdict:
    """Return the verdict on what was measured."""
    return "pass" if is_met else "FAIL"


def examples(things: Sequence[object]) -> str:
    """Return the first of some things in parentheses, or nothing."""
    return f"({'; '.join(str(each) for each in things[:3])})" if things else ""
