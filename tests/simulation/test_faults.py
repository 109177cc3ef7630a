"""Calls with faults, with small samples; `make simulate` measures large ones."""

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
def test_no_seed_violates_an_invariant(first: int) -> None:
    for seed in range(first, first + SEEDS_AT_ONCE):
        plan = Plan(seed)
        violations = check_invariants(simulate(plan))
        report = failure_report(shrink(plan, violations[0].invariant)) if violations else ()
        assert not violations, "\n".join(report)


@pytest.mark.parametrize("repeated_text_share", [0.0, 0.75])
def test_everyday_faults_violate_no_invariant(repeated_text_share: float) -> None:
    stats = measure_everyday(300, Behaviour(repeated_text_share=repeated_text_share))
    assert stats.violations == []
    assert list(stats.coverage.problems(set(EVERYDAY_FAULTS) - {Fault.START_LOST})) == []
    assert stats.missing_sms <= stats.requested_sms / 20


def test_an_outage_of_the_table_is_answered_and_has_no_aftereffects() -> None:
    found = measure_outage(40)
    assert found.violations == []
    assert (found.server_errors, found.unanswered, found.late) == (0, 0, 0)
    assert found.waits_ms
    assert max(found.waits_ms) <= 2000
    assert found.extra_requests <= 0.2


def test_each_kind_of_fault_occurs_and_invocations_overlap() -> None:
    coverage = Coverage()
    for seed in range(1, 13):
        coverage.add(simulate(Plan(seed, calls=20)))
    assert list(coverage.problems()) == []
    assert coverage.has_both_retry_modes


def test_a_simulation_without_faults_fails_the_coverage_check() -> None:
    coverage = Coverage()
    coverage.add(simulate(Plan(1, calls=1, rates=dict.fromkeys(Fault, 0.0), behaviour=Behaviour())))
    problems = list(coverage.problems())
    assert "crash was never injected" in problems
    assert "no two invocations of a call ran at once" in problems
