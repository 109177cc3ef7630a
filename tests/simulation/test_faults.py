"""Calls on bad days, in short; `make simulate` is long, docs/reliability.md has the figures."""

import pytest

from tests.simulation.behaviour import Behaviour
from tests.simulation.coverage import Coverage
from tests.simulation.execution import Plan
from tests.simulation.faults import Fault
from tests.simulation.invariants import check_invariants
from tests.simulation.measurements import EVERYDAY_FAULTS, measure_everyday, measure_outage
from tests.simulation.runner import simulate
from tests.simulation.shrink import failure_report, shrink

SEEDS_AT_ONCE = 4


@pytest.mark.parametrize("first", range(1, 17, SEEDS_AT_ONCE))
def test_no_seed_breaks_an_invariant(first: int) -> None:
    for seed in range(first, first + SEEDS_AT_ONCE):
        plan = Plan(seed)
        violations = check_invariants(simulate(plan))
        told = failure_report(shrink(plan, violations[0].invariant)) if violations else ()
        assert not violations, "\n".join(told)


@pytest.mark.parametrize("repeated_words", [0.0, 0.75])
def test_nothing_is_lost_on_a_bad_day(repeated_text_share: float) -> None:
    statistics = measure_everyday(300, Behaviour(repeated_text_share=repeated_text_share))
    assert statistics.violations == []
    assert list(statistics.coverage.problems(set(EVERYDAY_FAULTS) - {Fault.START_LOST})) == []
    assert statistics.missing_sms <= statistics.requested_sms / 20


def test_a_minute_without_table_is_heard_and_over_at_once() -> None:
    found = measure_outage(40)
    assert found.violations == []
    assert (found.server_errors, found.unanswered, found.late) == (0, 0, 0)
    assert found.waits_ms
    assert max(found.waits_ms) <= 2000
    assert found.extra_requests <= 0.2


def test_every_kind_of_fault_happens_and_invocations_do_overlap() -> None:
    coverage = Coverage()
    for seed in range(1, 13):
        coverage.add(simulate(Plan(seed, calls=20)))
    assert list(coverage.problems()) == []
    assert coverage.has_both_retry_modes


def test_a_simulation_in_which_nothing_happens_is_no_proof() -> None:
    coverage = Coverage()
    coverage.add(simulate(Plan(1, calls=1, rates=dict.fromkeys(Fault, 0.0), behaviour=Behaviour())))
    problems = list(coverage.problems())
    assert "crash was never injected" in problems
    assert "no two invocations of a call ran at once" in problems
