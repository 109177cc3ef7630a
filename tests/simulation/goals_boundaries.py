"""Goals of hostile input, stores, processes and sizes."""

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
    """Measure G5, G14 and G16: hostile input."""
    found = send_bad_bodies(sizes.bodies)
    p99 = percentile(found.ms, 99)
    yield (
        "G5",
        GoalResult(
            f"{sizes.bodies} generated and 100 known bad bodies: rejected, no 5xx; "
            "99 % under 10 ms",
            f"{found.generated} generated, {found.from_corpus} known: "
            f"{dict(sorted(found.statuses.items()))}, "
            f"99 % in {p99} ms {examples(found.failures)}",
            verdict(is_met=not found.failures and p99 < 10),
        ),
    )
    yield (
        "G14",
        GoalResult(
            "no token, phone number or text of a caller in the log",
            f"{TOKEN in found.log:d} tokens in the log of G5; I12 is part of G1 to G3",
            verdict(is_met=TOKEN not in found.log),
        ),
    )
    texts = hostile_texts(sizes.texts)
    broken, forged = broken_markup(texts), forged_lines(texts)
    yield (
        "G16",
        GoalResult(
            f"{sizes.texts} hostile texts in SSML and log: parsed unchanged, one line each",
            f"{len(broken)} broken, {len(forged)} forged",
            verdict(is_met=not broken and not forged),
        ),
    )


def process_goal(sizes: SampleSizes) -> GoalResults:
    """Measure G8: concurrent processes."""
    goal = (
        f"8 processes with {sizes.turns} turns each in one call: no answered turn is lost; "
        "an event that all of them deliver is committed once"
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
    """Measure G9: other stores behave as moto."""
    with variables(ENVIRONMENT):
        found = differences(sizes.programs)
    goal = f"{sizes.programs} programs of 15 steps: memory and the simulated table behave as moto"
    yield (
        "G9",
        GoalResult(goal, f"{len(found)} differences {examples(found)}", verdict(is_met=not found)),
    )


def emulator_goals(sizes: SampleSizes) -> GoalResults:
    """Measure G10 and G10b: the Lambda runtime."""
    goal = f"{sizes.emulated_calls} calls through Lambda's emulator; rejections; init error"
    if not is_built():
        yield "G10", GoalResult(goal, "needs `make build`", "not run")
        yield "G10b", GoalResult("a function that fails", "needs `make build`", "not run")
        return
    found = run_emulated_calls(sizes.emulated_calls)
    yield (
        "G10",
        GoalResult(
            goal,
            f"{found.calls} calls: {dict(sorted(found.statuses.items()))} "
            f"{examples(found.failures)}",
            verdict(is_met=not found.failures),
        ),
    )
    ends = run_failing_functions()
    yield (
        "G10b",
        GoalResult(
            "a function that times out, exits, answers too much or cannot start: reported as a "
            "failure; the next event is answered from an intact record",
            f"{len(ends.messages)} failures reported, {len(ends.failures)} unexpected results "
            f"{examples(ends.failures)}",
            verdict(is_met=not ends.failures and len(ends.messages) == 4),
        ),
    )


def number_policy_goals(sizes: SampleSizes) -> GoalResults:
    """Measure G15: the number policy."""
    table, model = check_number_table(), run_obedient_model(sizes.numbers)
    is_right = (
        not (table.wrongly_denied or table.wrongly_allowed or model.forbidden_actions)
        and model.sent > 0
    )
    yield (
        "G15",
        GoalResult(
            "200 numbers: no allowed one denied, no forbidden one allowed; "
            f"{sizes.numbers} turns of an obedient model: no action to a forbidden number",
            f"{table.allowed} allowed, {len(table.wrongly_denied)} of them denied "
            f"{examples(table.wrongly_denied)}; "
            f"{table.forbidden} forbidden, {len(table.wrongly_allowed)} of them allowed "
            f"{examples(table.wrongly_allowed)}; {model.turns} turns, {model.sent} actions sent, "
            f"{len(model.forbidden_actions)} forbidden {examples(model.forbidden_actions)}",
            verdict(is_met=is_right),
        ),
    )


def long_call_goal(sizes: SampleSizes) -> GoalResults:
    """Measure G17: a very long call."""
    found = long_call(sizes.long_call_turns)
    is_whole = found.turns == 2 * sizes.long_call_turns
    yield (
        "G17",
        GoalResult(
            f"{sizes.long_call_turns} turns of maximum length: item under 64 KB, answers under "
            "120 KB",
            f"item {found.item} bytes, answer {found.answer} bytes, {found.turns} turns stored",
            verdict(is_met=is_whole and found.item < 65_536 and found.answer < 120_000),
        ),
    )


@contextmanager
def variables(values: Mapping[str, str]) -> Generator[None]:
    """Set environment variables within a block."""
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
