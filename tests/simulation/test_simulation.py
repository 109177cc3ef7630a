"""The simulation itself: it is the same each time, sees what is wrong, and shows it small."""

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


def test_the_same_seed_is_the_same_story() -> None:
    assert simulate(Plan(7, 10)).trace.digest() == simulate(Plan(7, 10)).trace.digest()


def test_another_seed_is_another_story() -> None:
    assert simulate(Plan(7, 10)).trace.digest() != simulate(Plan(8, 10)).trace.digest()


def test_the_same_seed_is_the_same_story_in_every_process() -> None:
    assert digest_under("1", 7, 10) == digest_under("2", 7, 10)


def test_leaving_out_calls_leaves_the_others_as_they_are() -> None:
    everything = simulate(Plan(7, 10)).trace
    few = simulate(Plan(7, 10, only_calls=[2, 5])).trace
    assert _timings(few) == [line for line in _timings(everything) if line[0] in {2, 5}]


def _timings(trace: Trace) -> list[tuple[int, str, int, str]]:
    """Return what happened to the calls; the sweeper goes from one to the next, and is late."""
    return [
        (run.call, run.id, run.started_ms, run.end)
        for run in trace.runs
        if run.started_ms < SWEEP_TIMES_MS[0] - 600_000
    ]


@pytest.mark.parametrize("name", MUTANTS)
def test_a_wrong_product_breaks_the_invariant_that_it_attacks(name: str) -> None:
    assert killed_by(MUTANTS[name]) is not None


def test_there_are_thirty_one_wrong_products() -> None:
    assert len(MUTANTS) == 31


def test_a_failing_seed_is_shown_as_small_as_it_can_be_and_played_again() -> None:
    mutant = MUTANTS["no ledger"]
    seed = killed_by(mutant)
    assert seed is not None
    plan = Plan(seed, 30, make_store=mutant.make_store, make_agents=mutant.make_agents)
    minimal = shrink(plan, "I4")
    assert minimal.plan.only_calls is not None
    assert len(minimal.plan.only_calls) == 1
    assert {each.invariant for each in check_invariants(simulate(minimal.plan))} >= {"I4"}
    told = list(failure_report(minimal))
    assert any(
        line.startswith(f"again: make simulate SEEDS={seed} CALLS=30 ONLY=") for line in told
    )
    assert any("send_sms" in line for line in told)


def test_what_is_needed_is_kept_and_all_else_is_left_out() -> None:
    assert minimize(list(range(20)), lambda kept: {3, 17} <= set(kept)) == [3, 17]


def test_the_command_names_a_seed_and_its_digest() -> None:
    command = [sys.executable, "-m", "tests.simulation", "--seeds", "7", "--calls", "5"]
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT)
    digest = simulate(Plan(7, 5)).trace.digest()[:16]
    assert done.stdout.splitlines()[0].endswith(f"digest {digest}")


def test_a_schedule_is_played_again_by_the_command_that_is_printed_with_it(
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


def test_a_schedule_without_any_fault_is_played_again_without_any() -> None:
    assert command(Plan(7, only_faults=[])) == "make simulate SEEDS=7 CALLS=50 FAULTS=none"
    assert command(Plan(7)) == "make simulate SEEDS=7 CALLS=50"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--seeds", "abc"], "'abc' is no seed: give one (7), a list (1,2,3) or a range (100-120)"),
        (["--seeds", "1,,2"], "'' is no seed"),
        (["--seeds", "-3"], "'-3' is no seed"),
        (["--seeds", "5-3"], "5-3 ends before it begins: write 3-5"),
        (["--calls", "0"], "'0' is no number of calls: give 1 or more"),
        (["--calls", "many"], "'many' is no number of calls"),
        (["--only", "all"], "'all' is no number of a call: give 3 or 3,17"),
        (["--only", "3,50"], "there is no call 50: they go from 0 to 49"),
        (["--faults", "unknown"], "'unknown' is no fault: a failing seed prints their names"),
        (["--faults", "3:crash#1,3:unknown#1"], "'3:unknown#1' is no fault"),
        (["--profile", "odd"], "choose from"),
    ],
)
def test_who_asks_for_what_there_is_not_is_told_what_there_is(
    arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == 2
    assert told in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "seeds"), [("7", [7]), ("1, 2,3", [1, 2, 3]), ("100-103", [100, 101, 102, 103])]
)
def test_seeds_are_one_a_list_or_a_range(text: str, seeds: list[int]) -> None:
    assert seeds_of(text) == seeds
