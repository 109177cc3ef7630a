"""Figures of what comes in from outside, of stores and processes, and of sizes."""

import os
from collections.abc import Generator, Mapping
from contextlib import contextmanager

from tests.helpers.dynalite import NoDynalite, dynalite
from tests.helpers.runtime import TOKEN
from tests.helpers.tables import ENVIRONMENT
from tests.simulation.differential import differences
from tests.simulation.emulated import emulated, is_built
from tests.simulation.ended import ended
from tests.simulation.figure import Figure, Figures, Sizes, few, passed
from tests.simulation.hostile import broken_markup, forged_lines, hostile_texts, refusals
from tests.simulation.long_call import long_call
from tests.simulation.measured import at
from tests.simulation.numbered import asked, obeyed
from tests.simulation.sockets import talked


def hostile_figures(sizes: Sizes) -> Figures:
    """G5, G14, G16: bad input."""
    found = refusals(sizes.bodies)
    p99 = at(found.ms, 99)
    yield (
        "G5",
        Figure(
            f"{sizes.bodies} made and 100 picked bad bodies: refused, no 5xx; 99 % under 10 ms",
            f"{found.made} made, {found.picked} picked: {dict(sorted(found.statuses.items()))}, "
            f"99 % in {p99} ms {few(found.wrong)}",
            passed(if_=not found.wrong and p99 < 10),
        ),
    )
    yield (
        "G14",
        Figure(
            "no token, number or word of a caller in anything that is written",
            f"{TOKEN in found.log:d} in the log of G5; I12 in all of G1 to G3",
            passed(if_=TOKEN not in found.log),
        ),
    )
    texts = hostile_texts(sizes.texts)
    broken, forged = broken_markup(texts), forged_lines(texts)
    yield (
        "G16",
        Figure(
            f"{sizes.texts} hostile texts to SSML and log: parsed, the same again, one line each",
            f"{len(broken)} broken, {len(forged)} forged",
            passed(if_=not broken and not forged),
        ),
    )


def socket_figure(sizes: Sizes) -> Figures:
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
            found = talked(sizes.turns)
    except NoDynalite:
        yield "G8", Figure(goal, "no Dynalite", "not run")
        return
    yield (
        "G8",
        Figure(
            goal,
            f"{found.lost} of {found.answered} lost, {found.degraded} got an apology, "
            f"{found.overlapped} overlaps, {found.commits} commit",
            passed(if_=not found.lost and found.commits == 1 and found.overlapped > 0),
        ),
    )


def store_figure(sizes: Sizes) -> Figures:
    """G9: the stores beside moto."""
    with variables(ENVIRONMENT):
        found = differences(sizes.programs)
    goal = f"{sizes.programs} programs of 15 steps: memory and the simulated table as moto"
    yield (
        "G9",
        Figure(goal, f"{len(found)} differences {few(found)}", passed(if_=not found)),
    )


def emulator_figure(sizes: Sizes) -> Figures:
    """G10 and G10b: the process border."""
    goal = f"{sizes.emulated} calls through Lambda's emulator; refusals; init error"
    if not is_built():
        yield "G10", Figure(goal, "needs `make build`", "not run")
        yield "G10b", Figure("a function that ends", "needs `make build`", "not run")
        return
    found = emulated(sizes.emulated)
    yield (
        "G10",
        Figure(
            goal,
            f"{found.calls} calls: {dict(sorted(found.statuses.items()))} {few(found.wrong)}",
            passed(if_=not found.wrong),
        ),
    )
    ends = ended()
    yield (
        "G10b",
        Figure(
            "a function that runs out of time, exits, answers too much or cannot start: told as a "
            "failure; the next event finds the call whole",
            f"{len(ends.ends)} ends told, {len(ends.wrong)} wrong {few(ends.wrong)}",
            passed(if_=not ends.wrong and len(ends.ends) == 4),
        ),
    )


def number_figures(sizes: Sizes) -> Figures:
    """G15: numbers by the policy."""
    table, model = asked(), obeyed(sizes.numbers)
    is_right = not (table.refused or table.let_through or model.outside) and model.sent > 0
    yield (
        "G15",
        Figure(
            "200 numbers: none of the allowed refused, none of the forbidden let through; "
            f"{sizes.numbers} turns of an obedient model: none outside",
            f"{table.allowed} allowed, {len(table.refused)} refused {few(table.refused)}; "
            f"{table.forbidden} forbidden, {len(table.let_through)} let through "
            f"{few(table.let_through)}; of {model.turns} turns {model.sent} left, "
            f"{len(model.outside)} outside {few(model.outside)}",
            passed(if_=is_right),
        ),
    )


def long_figure(sizes: Sizes) -> Figures:
    """G17: one call that does not end."""
    found = long_call(sizes.long)
    is_whole = found.turns == 2 * sizes.long
    yield (
        "G17",
        Figure(
            f"{sizes.long} turns as long as can be: item under 64 KB, answers under 120 KB",
            f"item {found.item} bytes, answer {found.answer} bytes, {found.turns} turns kept",
            passed(if_=is_whole and found.item < 65_536 and found.answer < 120_000),
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
