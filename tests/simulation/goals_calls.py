"""Goals of simulated calls: fault profiles, mutants, an outage."""

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
    """Measure G1 and G11: many calls with the profile `everyday`."""
    stats = measure_everyday(sizes.calls, Behaviour())
    missing = list(stats.coverage.problems(EVERYDAY_FAULTS))
    safe = not stats.violations and not missing
    yield (
        "G1",
        GoalResult(
            f"{sizes.calls} calls, everyday faults: nothing lost, duplicated or leaked, "
            "and nothing after the end",
            f"{len(stats.violations)} violations in {stats.coverage.invocations} invocations, "
            f"{stats.coverage.faults.total()} faults {examples(stats.violations)} "
            f"{examples(missing)}",
            verdict(is_met=safe),
        ),
    )
    p95, p99, p100 = (percentile(stats.waits_ms, percent) for percent in (95, 99, 100))
    yield (
        "G11",
        GoalResult(
            "first speech in virtual time: 95 % under 1.0 s, 99 % under 3.5 s, all under 4 s",
            f"95 % {p95} ms, 99 % {p99} ms, all {p100} ms",
            verdict(is_met=p95 < 1000 and p99 < 3500 and p100 < 4000),
        ),
    )


def repeated_text_goal(sizes: SampleSizes) -> GoalResults:
    """Measure G2: as G1, with callers who repeat the same texts."""
    stats = measure_everyday(
        sizes.calls, Behaviour(repeated_text_share=REPEATED_TEXT_SHARE), first_seed=1001
    )
    merged = percentage(stats.merged, stats.turns)
    duplicated = percentage(stats.duplicated, stats.turns)
    missing = percentage(stats.missing_sms, stats.requested_sms)
    yield (
        "G2",
        GoalResult(
            "repeated texts: no violation; merged and duplicated at most 1.5 %, missing 1 %",
            f"{len(stats.violations)} violations; {stats.turns} turns: {merged:.1f} % merged, "
            f"{duplicated:.1f} % duplicated; {stats.requested_sms} text messages: "
            f"{missing:.1f} % missing "
            f"{examples(stats.violations)}",
            verdict(
                is_met=not stats.violations and max(merged, duplicated) <= 1.5 and missing <= 1
            ),
        ),
    )


def swarm_goals(sizes: SampleSizes) -> GoalResults:
    """Measure G3 and I15: seeds that draw their own faults."""
    stats = measure_swarm(range(1, sizes.seeds + 1))
    missing = list(stats.coverage.problems())
    yield (
        "G3",
        GoalResult(
            f"{sizes.seeds} seeds of 50 calls, faults up to 20 %: no violation",
            f"{len(stats.violations)} violations, {stats.coverage.faults.total()} faults "
            f"{examples(stats.violations)} {examples(missing)}",
            verdict(is_met=not stats.violations and not missing),
        ),
    )
    broken = [each for each in stats.violations if each[1].invariant == "I15"]
    yield (
        "I15",
        GoalResult(
            "abandoned calls are closed exactly once, also by concurrent sweeps",
            f"{len(broken)} violations; {stats.coverage.closed} calls closed in "
            f"{stats.coverage.sweeps} sweeps, "
            f"{stats.coverage.overlapping_sweeps} of them concurrent",
            verdict(is_met=not broken and stats.coverage.closed > 0),
        ),
    )


def mutant_goal(_: SampleSizes) -> GoalResults:
    """Measure G4: mutants."""
    alive = [name for name, mutant in MUTANTS.items() if not killed_by(mutant)]
    yield (
        "G4",
        GoalResult(
            f"all {len(MUTANTS)} mutants killed, each by the invariant that it violates",
            f"{len(MUTANTS) - len(alive)} of {len(MUTANTS)} {examples(alive)}",
            verdict(is_met=not alive),
        ),
    )


def killed_by(mutant: Mutant) -> int | None:
    """Return the first seed in which a mutant violates its invariant."""
    for seed in range(1, MUTANT_SEEDS + 1):
        plan = Plan(seed, 30, make_store=mutant.make_store, make_agents=mutant.make_agents)
        if any(found.invariant == mutant.violates for found in check_invariants(simulate(plan))):
            return seed
    return None


def outage_goal(sizes: SampleSizes) -> GoalResults:
    """Measure G13: a minute without the table."""
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
            f"60 s without the table, {sizes.outage_calls} calls: no 5xx, all answered within 2 s, "
            "normal answers right after it, at most 20 % more requests",
            f"{found.server_errors} 5xx, {found.unanswered} of {len(found.waits_ms)} unanswered, "
            f"longest {longest} ms, {found.late} late, {100 * found.extra_requests:.1f} % more, "
            f"{len(found.violations)} violations",
            verdict(is_met=is_passed),
        ),
    )


def digest_goal(_: SampleSizes) -> GoalResults:
    """Measure I13: a seed gives the same run in each process."""
    digests = {digest_under(hash_seed, 7, 20) for hash_seed in ("0", "1", "random")}
    yield (
        "I13",
        GoalResult(
            "one seed gives one digest, with each hash seed of the process",
            f"{len(digests)} digest in 3 processes",
            verdict(is_met=len(digests) == 1),
        ),
    )


def digest_under(hash_seed: str, seed: int, calls: int) -> str:
    """Return the line that a process with this hash seed prints for a seed."""
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
