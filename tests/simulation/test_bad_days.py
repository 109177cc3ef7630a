"""Calls on bad days, in short; `make simulate` is long, docs/reliability.md has the figures."""

import pytest

from tests.simulation.checking import Checked
from tests.simulation.dice import Fault
from tests.simulation.habits import Habits
from tests.simulation.happened import Plan
from tests.simulation.judges import judged
from tests.simulation.measured import EVERYDAY_FAULTS, bad_days, outage
from tests.simulation.shrink import shrunken, story
from tests.simulation.world import simulate

SEEDS_AT_ONCE = 4


@pytest.mark.parametrize("first", range(1, 17, SEEDS_AT_ONCE))
def test_no_seed_breaks_an_invariant(first: int) -> None:
    for seed in range(first, first + SEEDS_AT_ONCE):
        plan = Plan(seed)
        violations = judged(simulate(plan))
        told = story(shrunken(plan, violations[0].invariant)) if violations else ()
        assert not violations, "\n".join(told)


@pytest.mark.parametrize("repeated_words", [0.0, 0.75])
def test_nothing_is_lost_on_a_bad_day(repeated_words: float) -> None:
    bad = bad_days(300, Habits(repeated_words=repeated_words))
    assert bad.violations == []
    assert list(bad.checked.problems(set(EVERYDAY_FAULTS) - {Fault.START_LOST})) == []
    assert bad.missed <= bad.wishes / 20


def test_a_minute_without_table_is_heard_and_over_at_once() -> None:
    found = outage(40)
    assert found.violations == []
    assert (found.server_errors, found.mute, found.late) == (0, 0, 0)
    assert found.waits_ms
    assert max(found.waits_ms) <= 2000
    assert found.extra <= 0.2


def test_every_kind_of_fault_happens_and_invocations_do_overlap() -> None:
    checked = Checked()
    for seed in range(1, 13):
        checked.add(simulate(Plan(seed, calls=20)))
    assert list(checked.problems()) == []
    assert checked.both_platforms


def test_a_simulation_in_which_nothing_happens_is_no_proof() -> None:
    checked = Checked()
    checked.add(simulate(Plan(1, calls=1, rates=dict.fromkeys(Fault, 0.0), habits=Habits())))
    problems = list(checked.problems())
    assert "crash was never injected" in problems
    assert "no two invocations of a call ran at once" in problems
