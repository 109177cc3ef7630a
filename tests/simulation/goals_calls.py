"""Figures of simulated calls: bad days, swarms of faults, wrong products, an outage."""

import os
import subprocess
import sys

from tests.helpers.template import ROOT
from tests.simulation.behaviour import Behaviour
from tests.simulation.execution import Plan
from tests.simulation.goal_result import GoalResult, GoalResults, SampleSizes, examples, verdict
from tests.simulation.invariants import check_invariants
from tests.simulation.measurements import (
    EVERYDAY_FAULTS,
    measure_everyday,
    measure_outage,
    measure_swarm,
    percentage,
    percentile,
)
from tests.simulation.mutants import MUTANTS, Mutant
from tests.simulation.profiles import REPEATED_TEXT_SHARE
from tests.simulation.runner import simulate

MUTANT_SEEDS = 100


def everyday_goals(sizes: SampleSizes) -> GoalResults:
    """G1 and G11: many calls at the rates of a bad day."""
    statistics = measure_everyday(sizes.calls, Behaviour())
    missing = list(statistics.coverage.problems(EVERYDAY_FAULTS))
    safe = not statistics.violations and not missing
    yield (
        "G1",
        GoalResult(
            f"{sizes.calls} calls on a bad day: nothing lost, doubled, leaked, or after the end",
            f"{len(statistics.violations)} violations in {statistics.coverage.invocations} invocations, "
            f"{statistics.coverage.faults.total()} faults {examples(statistics.violations)} {examples(missing)}",
            verdict(is_met=safe),
        ),
    )
    p95, p99, p100 = (percentile(statistics.waits_ms, percent) for percent in (95, 99, 100))
    yield (
        "G11",
        GoalResult(
            "first speech in virtual time: 95 % under 1.0 s, 99 % under 3.5 s, all under 4 s",
            f"95 % {p95} ms, 99 % {p99} ms, all {p100} ms",
            verdict(is_met=p95 < 1000 and p99 < 3500 and p100 < 4000),
        ),
    )


def repeated_text_goal(sizes: SampleSizes) -> GoalResults:
    """G2: the same, when callers say the same words again and again."""
    statistics = measure_everyday(
        sizes.calls, Behaviour(repeated_text_share=REPEATED_TEXT_SHARE), first_seed=1001
    )
    merged, duplicated = (
        percentage(statistics.merged, statistics.turns),
        percentage(statistics.duplicated, statistics.turns),
    )
    missing_sms = percentage(statistics.missing_sms, statistics.requested_sms)
    yield (
        "G2",
        GoalResult(
            "the same words again and again: safe; merged and doubled at most 1.5 %, missing_sms 1 %",
            f"{len(statistics.violations)} violations; {statistics.turns} turns: {merged:.1f} % merged, "
            f"{duplicated:.1f} % doubled; {statistics.requested_sms} text messages: {missing_sms:.1f} % missing_sms "
            f"{examples(statistics.violations)}",
            verdict(
                is_met=not statistics.violations
                and max(merged, duplicated) <= 1.5
                and missing_sms <= 1
            ),
        ),
    )


def swarm_goals(sizes: SampleSizes) -> GoalResults:
    """G3 and I15: seeds that draw their own faults."""
    statistics = measure_swarm(range(1, sizes.seeds + 1))
    missing = list(statistics.coverage.problems())
    yield (
        "G3",
        GoalResult(
            f"{sizes.seeds} seeds of 50 calls, faults up to 20 %: no violation",
            f"{len(statistics.violations)} violations, {statistics.coverage.faults.total()} faults "
            f"{examples(statistics.violations)} {examples(missing)}",
            verdict(is_met=not statistics.violations and not missing),
        ),
    )
    broken = [each for each in statistics.violations if each[1].invariant == "I15"]
    yield (
        "I15",
        GoalResult(
            "calls that nobody ends are closed exactly once, whoever else is about to",
            f"{len(broken)} violations; {statistics.coverage.closed} calls closed in {statistics.coverage.sweeps} "
            f"sweeps, {statistics.coverage.overlapping_sweeps} of them at the same time as another",
            verdict(is_met=not broken and statistics.coverage.closed > 0),
        ),
    )


def mutant_goal(_: SampleSizes) -> GoalResults:
    """G4: wrong products."""
    alive = [name for name, mutant in MUTANTS.items() if not killed_by(mutant)]
    yield (
        "G4",
        GoalResult(
            f"all {len(MUTANTS)} mutants killed, each by the invariant that it attacks",
            f"{len(MUTANTS) - len(alive)} of {len(MUTANTS)} {examples(alive)}",
            verdict(is_met=not alive),
        ),
    )


def killed_by(mutant: Mutant) -> int | None:
    """Return the first seed in which the invariant that a mutant attacks is broken."""
    for seed in range(1, MUTANT_SEEDS + 1):
        plan = Plan(seed, 30, make_store=mutant.make_store, make_agents=mutant.make_agents)
        if any(found.invariant == mutant.violates for found in check_invariants(simulate(plan))):
            return seed
    return None


def outage_goal(sizes: SampleSizes) -> GoalResults:
    """G13: a minute without table."""
    found = measure_outage(sizes.outage_calls)
    longest = percentile(found.waits_ms, 100)
    is_passed = (
        not found.violations
        and not found.server_errors
        and not found.unanswered
        and longest <= 2000
        and not found.late
        and found.extra_requests <= 0.2
    )
    yield (
        "G13",
        GoalResult(
            f"60 s without table, {sizes.outage_calls} calls: no 5xx, all hear something within 2 s, "
            "usual at once after it, at most 20 % more requests",
            f"{found.server_errors} 5xx, {found.unanswered} of {len(found.waits_ms)} heard nothing, "
            f"longest {longest} ms, {found.late} late, {100 * found.extra_requests:.1f} % more, "
            f"{len(found.violations)} violations",
            verdict(is_met=is_passed),
        ),
    )


def digest_goal(_: SampleSizes) -> GoalResults:
    """I13: the same seed is the same story, in any process."""
    digests = {digest_under(hash_seed, 7, 20) for hash_seed in ("0", "1", "random")}
    yield (
        "I13",
        GoalResult(
            "one seed, one digest, whatever the hash seed of the process",
            f"{len(digests)} digest in 3 processes",
            verdict(is_met=len(digests) == 1),
        ),
    )


def digest_under(hash_seed: str, seed: int, calls: int) -> str:
    """Return the last line but one that a process prints for a seed, with its digest."""
    command = [sys.executable, "-m", "tests.simulation"]
    done = subprocess.run(
        [*command, "--seeds", str(seed), "--calls", str(calls)],
        check=True,
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
    )
    return done.stdout.splitlines()[0]
