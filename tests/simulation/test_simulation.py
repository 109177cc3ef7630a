"""The simulation itself: it is the same each time, sees what is wrong, and shows it small."""

import subprocess
import sys

import pytest

from tests.simulation.__main__ import seeds_of
from tests.simulation.figures_of_calls import digest_under, killed_by
from tests.simulation.happened import Plan
from tests.simulation.judges import judged
from tests.simulation.mutants import MUTANTS
from tests.simulation.record import Record
from tests.simulation.shrink import minimal, shrunken, story
from tests.simulation.sweeping import ROUNDS_MS
from tests.simulation.world import simulate
from tests.support.template import ROOT


def test_the_same_seed_is_the_same_story() -> None:
    assert simulate(Plan(7, 10)).record.digest() == simulate(Plan(7, 10)).record.digest()


def test_another_seed_is_another_story() -> None:
    assert simulate(Plan(7, 10)).record.digest() != simulate(Plan(8, 10)).record.digest()


def test_the_same_seed_is_the_same_story_in_every_process() -> None:
    assert digest_under("1", 7, 10) == digest_under("2", 7, 10)


def test_leaving_out_calls_leaves_the_others_as_they_are() -> None:
    everything = simulate(Plan(7, 10)).record
    few = simulate(Plan(7, 10, only_calls=[2, 5])).record
    assert _told(few) == [line for line in _told(everything) if line[0] in {2, 5}]


def _told(record: Record) -> list[tuple[int, str, int, str]]:
    """Return what happened to the calls; the sweeper goes from one to the next, and is late."""
    return [
        (run.call, run.id, run.begun_ms, run.end)
        for run in record.runs
        if run.begun_ms < ROUNDS_MS[0] - 600_000
    ]


@pytest.mark.parametrize("name", MUTANTS)
def test_a_wrong_product_breaks_the_invariant_that_it_attacks(name: str) -> None:
    assert killed_by(MUTANTS[name]) is not None


def test_there_are_twenty_one_wrong_products() -> None:
    assert len(MUTANTS) == 21


def test_a_failing_seed_is_shown_as_small_as_it_can_be_and_played_again() -> None:
    mutant = MUTANTS["no ledger"]
    seed = killed_by(mutant)
    assert seed is not None
    plan = Plan(seed, 30, make_store=mutant.make_store, make_agents=mutant.make_agents)
    small = shrunken(plan, "I4")
    assert small.plan.only_calls is not None
    assert len(small.plan.only_calls) == 1
    assert {each.invariant for each in judged(simulate(small.plan))} >= {"I4"}
    told = list(story(small))
    assert any(line.startswith(f"again: make simulate SEEDS={seed} CALLS=30") for line in told)
    assert any("send_sms" in line for line in told)


def test_what_is_needed_is_kept_and_all_else_is_left_out() -> None:
    assert minimal(list(range(20)), lambda kept: {3, 17} <= set(kept)) == [3, 17]


def test_the_command_names_a_seed_and_its_digest() -> None:
    command = [sys.executable, "-m", "tests.simulation", "--seeds", "7", "--calls", "5"]
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT)
    digest = simulate(Plan(7, 5)).record.digest()[:16]
    assert done.stdout.splitlines()[0].endswith(f"digest {digest}")


@pytest.mark.parametrize(
    ("text", "seeds"), [("7", [7]), ("1,2,3", [1, 2, 3]), ("100-103", [100, 101, 102, 103])]
)
def test_seeds_are_one_a_list_or_a_range(text: str, seeds: list[int]) -> None:
    assert list(seeds_of(text)) == seeds
