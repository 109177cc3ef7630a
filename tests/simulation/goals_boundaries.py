"""Figures of what comes in from outside, of stores and processes, and of sizes."""

import os
from collections.abc import Generator, Mapping
from contextlib import contextmanager

from tests.helpers.dynalite import NoDynalite, dynalite
from tests.helpers.runtime import TOKEN
from tests.helpers.tables import ENVIRONMENT
from tests.simulation.concurrent_processes import run_concurrent_processes
from tests.simulation.differential import differences
from tests.simulation.goal_result import GoalResult, GoalResults, SampleSizes, examples, verdict
from tests.simulation.hostile_input import (
    broken_markup,
    forged_lines,
    hostile_texts,
    send_bad_bodies,
)
from tests.simulation.lambda_emulator import is_built, run_emulated_calls
from tests.simulation.lambda_failures import run_failing_functions
from tests.simulation.long_call import long_call
from tests.simulation.measurements import percentile
from tests.simulation.number_policy import check_number_table, run_obedient_model


def hostile_input_goals(sizes: SampleSizes) -> GoalResults:
    """G5, G14, G16: bad input."""
    found = send_bad_bodies(sizes.bodies)
    p99 = percentile(found.ms, 99)
    yield (
        "G5",
        GoalResult(
            f"{sizes.bodies} made and 100 picked bad bodies: refused, no 5xx; 99 % under 10 ms",
            f"{found.generated} made, {found.from_corpus} picked: {dict(sorted(found.statuses.items()))}, "
            f"99 % in {p99} ms {examples(found.failures)}",
            verdict(is_met=not found.failures and p99 < 10),
        ),
    )
    yield (
        "G14",
        GoalResult(
            "no token, number or word of a caller in anything that is written",
            f"{TOKEN in found.log:d} in the log of G5; I12 in all of G1 to G3",
            verdict(is_met=TOKEN not in found.log),
        ),
    )
    texts = hostile_texts(sizes.texts)
    broken, forged = broken_markup(texts), forged_lines(texts)
    yield (
        "G16",
        GoalResult(
            f"{sizes.texts} hostile texts to SSML and log: parsed, the same again, one line each",
            f"{len(broken)} broken, {len(forged)} forged",
            verdict(is_met=not broken and not forged),
        ),
    )


def process_goal(sizes: SampleSizes) -> GoalResults:
    """G8: real processes."""
    goal = (
        f"8 processes of {sizes.turns} turns in one call, on a socket: nothing that was answered "
        "is lost; one delivery 8 ways, one commit"
    )
    try:
        with (
            dynalite() as endpoint,
            variables({"AWS_ENDPOINT_URL_DYNAMODB": endpoint, **ENVIRONMENT}),
        ):
            found = run_concurrent_processes(sizes.turns)
    except NoDynalite:
        yield "G8", GoalResult(goal, "no Dynalite", "not run")
        return
    yield (
        "G8",
        GoalResult(
            goal,
            f"{found.lost} of {found.answered} lost, {found.degraded} got an apology, "
            f"{found.overlapped} overlaps, {found.commits} commit",
            verdict(is_met=not found.lost and found.commits == 1 and found.overlapped > 0),
        ),
    )


def store_goal(sizes: SampleSizes) -> GoalResults:
    """G9: the stores beside moto."""
    with variables(ENVIRONMENT):
        found = differences(sizes.programs)
    goal = f"{sizes.programs} programs of 15 steps: memory and the simulated table as moto"
    yield (
        "G9",
        GoalResult(goal, f"{len(found)} differences {examples(found)}", verdict(is_met=not found)),
    )


def emulator_goals(sizes: SampleSizes) -> GoalResults:
    """G10 and G10b: the process border."""
    goal = f"{sizes.emulated_calls} calls through Lambda's emulator; refusals; init error"
    if not is_built():
        yield "G10", GoalResult(goal, "needs `make build`", "not run")
        yield "G10b", GoalResult("a function that ends", "needs `make build`", "not run")
        return
    found = run_emulated_calls(sizes.emulated_calls)
    yield (
        "G10",
        GoalResult(
            goal,
            f"{found.calls} calls: {dict(sorted(found.statuses.items()))} {examples(found.failures)}",
            verdict(is_met=not found.failures),
        ),
    )
    ends = run_failing_functions()
    yield (
        "G10b",
        GoalResult(
            "a function that runs out of time, exits, answers too much or cannot start: told as a "
            "failure; the next event finds the call whole",
            f"{len(ends.messages)} ends told, {len(ends.failures)} wrong {examples(ends.failures)}",
            verdict(is_met=not ends.failures and len(ends.messages) == 4),
        ),
    )


def number_policy_goals(sizes: SampleSizes) -> GoalResults:
    """G15: numbers by the policy."""
    table, model = check_number_table(), run_obedient_model(sizes.numbers)
    is_right = (
        not (table.wrongly_denied or table.wrongly_allowed or model.forbidden_actions)
        and model.sent > 0
    )
    yield (
        "G15",
        GoalResult(
            "200 numbers: none of the allowed refused, none of the forbidden let through; "
            f"{sizes.numbers} turns of an obedient model: none outside",
            f"{table.allowed} allowed, {len(table.wrongly_denied)} refused {examples(table.wrongly_denied)}; "
            f"{table.forbidden} forbidden, {len(table.wrongly_allowed)} let through "
            f"{examples(table.wrongly_allowed)}; of {model.turns} turns {model.sent} left, "
            f"{len(model.forbidden_actions)} outside {examples(model.forbidden_actions)}",
            verdict(is_met=is_right),
        ),
    )


def long_call_goal(sizes: SampleSizes) -> GoalResults:
    """G17: one call that does not end."""
    found = long_call(sizes.long_call_turns)
    is_whole = found.turns == 2 * sizes.long_call_turns
    yield (
        "G17",
        GoalResult(
            f"{sizes.long_call_turns} turns as long as can be: item under 64 KB, answers under 120 KB",
            f"item {found.item} bytes, answer {found.answer} bytes, {found.turns} turns kept",
            verdict(is_met=is_whole and found.item < 65_536 and found.answer < 120_000),
        ),
    )


@contextmanager
def variables(values: Mapping[str, str]) -> Generator[None]:
    """Have the environment say so, for as long as the block takes."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
