"""All goals with their measurements and verdicts."""

import os
import platform
import sys
import time
from collections.abc import Callable, Mapping

from tests.simulation import goals_boundaries, goals_calls
from tests.simulation.goal_result import GoalResults, SampleSizes

SHORT = SampleSizes(500, 20, 500, 5, 20, 10, 60, 200, 60, 200)
LONG = SampleSizes(10_000, 300, 5000, 50, 300, 200, 500, 2000, 500, 2000)


GOALS: Mapping[str, Callable[[SampleSizes], GoalResults]] = {
    "I13": goals_calls.digest_goal,
    "G1": goals_calls.everyday_goals,
    "G2": goals_calls.repeated_text_goal,
    "G3": goals_calls.swarm_goals,
    "G4": goals_calls.mutant_goal,
    "G5": goals_boundaries.hostile_input_goals,
    "G8": goals_boundaries.process_goal,
    "G9": goals_boundaries.store_goal,
    "G10": goals_boundaries.emulator_goals,
    "G13": goals_calls.outage_goal,
    "G15": goals_boundaries.number_policy_goals,
    "G17": goals_boundaries.long_call_goal,
}
"""Measurements by the first goal that they yield."""


def measure_goals(*, is_long: bool) -> int:
    """Measure all goals and print the table; return the exit code."""
    sizes, failed = (LONG if is_long else SHORT), False
    _print(f"Python {platform.python_version()}, {platform.machine()}, {os.cpu_count()} CPUs")
    for measure in GOALS.values():
        started, cpu = time.monotonic(), time.process_time()
        for name, result in measure(sizes):
            failed = failed or result.verdict == "FAIL"
            _print(f"{name:5} {result.verdict:8} {result.goal}\n{'':14} {result.measured}")
        took, busy = time.monotonic() - started, time.process_time() - cpu
        _print(f"{'':14} took {took:.0f} s, {busy:.0f} s of CPU")
    return int(failed)


def _print(line: str) -> None:
    sys.stdout.write(f"{line.rstrip()}\n")
    sys.stdout.flush()
