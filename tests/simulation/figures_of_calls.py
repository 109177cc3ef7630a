"""Figures of simulated calls: bad days, swarms of faults, wrong products, an outage."""

import os
import subprocess
import sys

from tests.helpers.template import ROOT
from tests.simulation.figure import Figure, Figures, Sizes, few, passed
from tests.simulation.habits import Habits
from tests.simulation.happened import Plan
from tests.simulation.judges import judged
from tests.simulation.measured import EVERYDAY_FAULTS, at, bad_days, outage, share, swarms
from tests.simulation.mutants import MUTANTS, Mutant
from tests.simulation.profiles import REPEATED_WORDS
from tests.simulation.world import simulate

MUTANT_SEEDS = 100


def bad_day_figures(sizes: Sizes) -> Figures:
    """G1 and G11: many calls at the rates of a bad day."""
    bad = bad_days(sizes.calls, Habits())
    missing = list(bad.checked.problems(EVERYDAY_FAULTS))
    safe = not bad.violations and not missing
    yield (
        "G1",
        Figure(
            f"{sizes.calls} calls on a bad day: nothing lost, doubled, leaked, or after the end",
            f"{len(bad.violations)} violations in {bad.checked.invocations} invocations, "
            f"{bad.checked.faults.total()} faults {few(bad.violations)} {few(missing)}",
            passed(if_=safe),
        ),
    )
    p95, p99, p100 = (at(bad.waits_ms, percent) for percent in (95, 99, 100))
    yield (
        "G11",
        Figure(
            "first speech in virtual time: 95 % under 1.0 s, 99 % under 3.5 s, all under 4 s",
            f"95 % {p95} ms, 99 % {p99} ms, all {p100} ms",
            passed(if_=p95 < 1000 and p99 < 3500 and p100 < 4000),
        ),
    )


def repeated_words_figure(sizes: Sizes) -> Figures:
    """G2: the same, when callers say the same words again and again."""
    bad = bad_days(sizes.calls, Habits(repeated_words=REPEATED_WORDS), first_seed=1001)
    merged, twice = share(bad.merged, bad.turns), share(bad.twice, bad.turns)
    missed = share(bad.missed, bad.wishes)
    yield (
        "G2",
        Figure(
            "the same words again and again: safe; merged and doubled at most 1.5 %, missed 1 %",
            f"{len(bad.violations)} violations; {bad.turns} turns: {merged:.1f} % merged, "
            f"{twice:.1f} % doubled; {bad.wishes} text messages: {missed:.1f} % missed "
            f"{few(bad.violations)}",
            passed(if_=not bad.violations and max(merged, twice) <= 1.5 and missed <= 1),
        ),
    )


def swarm_figure(sizes: Sizes) -> Figures:
    """G3 and I15: seeds that draw their own faults."""
    bad = swarms(range(1, sizes.seeds + 1))
    missing = list(bad.checked.problems())
    yield (
        "G3",
        Figure(
            f"{sizes.seeds} seeds of 50 calls, faults up to 20 %: no violation",
            f"{len(bad.violations)} violations, {bad.checked.faults.total()} faults "
            f"{few(bad.violations)} {few(missing)}",
            passed(if_=not bad.violations and not missing),
        ),
    )
    broken = [each for each in bad.violations if each[1].invariant == "I15"]
    yield (
        "I15",
        Figure(
            "calls that nobody ends are closed exactly once, whoever else is about to",
            f"{len(broken)} violations; {bad.checked.closed} calls closed in {bad.checked.sweeps} "
            f"sweeps, {bad.checked.overlapping_sweeps} of them at the same time as another",
            passed(if_=not broken and bad.checked.closed > 0),
        ),
    )


def mutant_figure(_: Sizes) -> Figures:
    """G4: wrong products."""
    alive = [name for name, mutant in MUTANTS.items() if not killed_by(mutant)]
    yield (
        "G4",
        Figure(
            f"all {len(MUTANTS)} mutants killed, each by the invariant that it attacks",
            f"{len(MUTANTS) - len(alive)} of {len(MUTANTS)} {few(alive)}",
            passed(if_=not alive),
        ),
    )


def killed_by(mutant: Mutant) -> int | None:
    """Return the first seed in which the invariant that a mutant attacks is broken."""
    for seed in range(1, MUTANT_SEEDS + 1):
        plan = Plan(seed, 30, make_store=mutant.make_store, make_agents=mutant.make_agents)
        if any(found.invariant == mutant.attacks for found in judged(simulate(plan))):
            return seed
    return None


def outage_figure(sizes: Sizes) -> Figures:
    """G13: a minute without table."""
    found = outage(sizes.outage)
    longest = at(found.waits_ms, 100)
    is_passed = (
        not found.violations
        and not found.server_errors
        and not found.mute
        and longest <= 2000
        and not found.late
        and found.extra <= 0.2
    )
    yield (
        "G13",
        Figure(
            f"60 s without table, {sizes.outage} calls: no 5xx, all hear something within 2 s, "
            "usual at once after it, at most 20 % more requests",
            f"{found.server_errors} 5xx, {found.mute} of {len(found.waits_ms)} heard nothing, "
            f"longest {longest} ms, {found.late} late, {100 * found.extra:.1f} % more, "
            f"{len(found.violations)} violations",
            passed(if_=is_passed),
        ),
    )


def digest_figure(_: Sizes) -> Figures:
    """I13: the same seed is the same story, in any process."""
    digests = {digest_under(hash_seed, 7, 20) for hash_seed in ("0", "1", "random")}
    yield (
        "I13",
        Figure(
            "one seed, one digest, whatever the hash seed of the process",
            f"{len(digests)} digest in 3 processes",
            passed(if_=len(digests) == 1),
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
