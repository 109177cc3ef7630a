"""The simulation itself: it is deterministic, detects mutants and shrinks failures."""

import shlex
import subprocess
import sys
from dataclasses import replace

import pytest

from tests.helpers.template import ROOT
from tests.simulation.__main__ import main, seeds_of
from tests.simulation.execution import Plan
from tests.simulation.goals_calls import digest_under, killed_by
from tests.simulation.invariants import check_invariants
from tests.simulation.mutants import MUTANTS
from tests.simulation.profiles import PROFILES, command
from tests.simulation.runner import simulate
from tests.simulation.shrink import failure_report, minimize, shrink
from tests.simulation.sweeper_schedule import SWEEP_TIMES_MS
from tests.simulation.trace import Trace


def test_the_same_seed_gives_the_same_digest() -> None:
    assert simulate(Plan(7, 10)).trace.digest() == simulate(Plan(7, 10)).trace.digest()


def test_another_seed_gives_another_digest() -> None:
    assert simulate(Plan(7, 10)).trace.digest() != simulate(Plan(8, 10)).trace.digest()


def test_the_same_seed_gives_the_same_digest_in_each_process() -> None:
    assert digest_under("1", 7, 10) == digest_under("2", 7, 10)


def test_leaving_out_calls_does_not_change_the_other_calls() -> None:
    everything = simulate(Plan(7, 10)).trace
    few = simulate(Plan(7, 10, only_calls=[2, 5])).trace
    assert _timings(few) == [line for line in _timings(everything) if line[0] in {2, 5}]


def _timings(trace: Trace) -> list[tuple[int, str, int, str]]:
    """Return the timings of runs before the sweeps, which depend on all calls."""
    return [
        (run.call, run.id, run.started_ms, run.end)
        for run in trace.runs
        if run.started_ms < SWEEP_TIMES_MS[0] - 600_000
    ]


@pytest.mark.parametrize("name", MUTANTS)
def test_a_mutant_violates_its_invariant(name: str) -> None:
    assert killed_by(MUTANTS[name]) is not None


def test_there_are_thirty_one_mutants() -> None:
    assert len(MUTANTS) == 31


def test_a_failing_seed_is_shrunk_to_one_call_and_can_be_repeated() -> None:
    mutant = MUTANTS["no billable keys"]
    seed = killed_by(mutant)
    assert seed is not None
    plan = Plan(seed, 30, make_store=mutant.make_store, make_agents=mutant.make_agents)
    minimal = shrink(plan, "I4")
    assert minimal.plan.only_calls is not None
    assert len(minimal.plan.only_calls) == 1
    assert {each.invariant for each in check_invariants(simulate(minimal.plan))} >= {"I4"}
    report = list(failure_report(minimal))
    assert any(
        line.startswith(f"again: make simulate SEEDS={seed} CALLS=30 ONLY=") for line in report
    )
    assert any("send_sms" in line for line in report)


def test_minimizing_keeps_only_the_items_needed_to_fail() -> None:
    assert minimize(list(range(20)), lambda kept: {3, 17} <= set(kept)) == [3, 17]


def test_the_command_prints_the_digest_of_a_seed() -> None:
    command = [sys.executable, "-m", "tests.simulation", "--seeds", "7", "--calls", "5"]
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT)
    digest = simulate(Plan(7, 5)).trace.digest()[:16]
    assert done.stdout.splitlines()[0].endswith(f"digest {digest}")


def test_the_printed_command_repeats_a_plan(
    capsys: pytest.CaptureFixture[str],
) -> None:
    everything = Plan(7, 10, *PROFILES["everyday"])
    kept = simulate(everything).faults.injected[::2]
    plan = replace(everything, only_calls=[2, 5, 6, 8], only_faults=kept)
    given = dict(word.split("=", 1) for word in shlex.split(command(plan))[2:])
    assert given.keys() == {"SEEDS", "CALLS", "PROFILE", "ONLY", "FAULTS"}
    arguments = [word for name, value in given.items() for word in (f"--{name.lower()}", value)]
    assert main(arguments) == 0
    digest = simulate(plan).trace.digest()[:16]
    assert capsys.readouterr().out.splitlines()[0].endswith(f"digest {digest}")


def test_the_command_of_a_plan_without_faults_allows_none() -> None:
    assert command(Plan(7, only_faults=[])) == "make simulate SEEDS=7 CALLS=50 FAULTS=none"
    assert command(Plan(7)) == "make simulate SEEDS=7 CALLS=50"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--seeds", "abc"],
            "'abc' is not a seed: give one (7), a list (1,2,3) or a range (100-120)",
        ),
        (["--seeds", "1,,2"], "'' is not a seed"),
        (["--seeds", "-3"], "'-3' is not a seed"),
        (["--seeds", "5-3"], "5-3 is reversed: write 3-5"),
        (["--calls", "0"], "'0' is not a number of calls: give 1 or more"),
        (["--calls", "many"], "'many' is not a number of calls"),
        (["--only", "all"], "'all' is not a call number: give 3 or 3,17"),
        (["--only", "3,50"], "there is no call 50: calls are numbered 0 to 49"),
        (["--faults", "unknown"], "'unknown' is not a fault: a failing seed prints names"),
        (["--faults", "3:crash#1,3:unknown#1"], "'3:unknown#1' is not a fault"),
        (["--profile", "odd"], "choose from"),
    ],
)
def test_an_invalid_option_is_explained(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "seeds"), [("7", [7]), ("1, 2,3", [1, 2, 3]), ("100-103", [100, 101, 102, 103])]
)
def test_seeds_are_a_number_a_list_or_a_range(text: str, seeds: list[int]) -> None:
    assert seeds_of(text) == seeds
