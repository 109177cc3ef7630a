"""Plays simulated calls on bad days: those of some seeds, or as many as the figures need.

With make, the options are SEEDS, CALLS, PROFILE, ONLY and FAULTS; without any of them, all figures
are measured.
"""

import argparse
import re
import sys
from collections.abc import Sequence

from tests.simulation.dice import Fault
from tests.simulation.happened import Plan
from tests.simulation.judges import judged
from tests.simulation.profiles import NO_FAULT, PROFILES
from tests.simulation.shrink import shrunken, story
from tests.simulation.world import simulate

_FAULT = re.compile(rf"[^:#]+:({'|'.join(fault.value for fault in Fault)})#\d+")


def main(arguments: Sequence[str] | None = None) -> int:
    """Simulate, and print what came of it.

    Exit codes: 0 all holds, 1 something does not, 2 what was asked for cannot be read.
    """
    options = _options(arguments)
    if options.figures:
        from tests.simulation.figures import print_figures  # noqa: PLC0415 - seeds need none

        return print_figures(is_long=options.figures == "long")
    failed = [seed for seed in options.seeds if not _passes(_plan(options, seed))]
    _print("all passed" if not failed else f"failed: {failed}")
    return bool(failed)


def seeds_of(text: str) -> list[int]:
    """Return the seeds of `7`, `1,2,3` or `100-120`.

    Raises:
        ArgumentTypeError: it is none of them.
    """
    seeds: list[int] = []
    for part in text.split(","):
        found = re.fullmatch(r"\s*(\d+)\s*(?:-\s*(\d+)\s*)?", part, re.ASCII)
        if not found:
            wanted = "give one (7), a list (1,2,3) or a range (100-120)"
            raise argparse.ArgumentTypeError(f"{part!r} is no seed: {wanted}")
        first, last = int(found[1]), int(found[2] or found[1])
        if last < first:
            raise argparse.ArgumentTypeError(f"{part} ends before it begins: write {last}-{first}")
        seeds += range(first, last + 1)
    return seeds


def _passes(plan: Plan) -> bool:
    happened = simulate(plan)
    violations = judged(happened)
    record = happened.record
    _print(
        f"seed {plan.seed}: {plan.calls} calls, {len(record.runs)} invocations, "
        f"{len(happened.faults.injected)} faults, {record.overlapped} overlaps, "
        f"{len(violations)} violations, digest {record.digest()[:16]}"
    )
    for invariant in dict.fromkeys(violation.invariant for violation in violations):
        for line in story(shrunken(plan, invariant)):
            _print(f"  {line}")
    return not violations


def _plan(options: argparse.Namespace, seed: int) -> Plan:
    rates, habits = PROFILES[options.profile]
    return Plan(
        seed=seed,
        calls=options.calls,
        rates=rates,
        habits=habits,
        only_calls=options.only,
        only_faults=options.faults,
    )


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make simulate", description=__doc__)
    parser.add_argument(
        "--seeds", type=seeds_of, default=[1], help="one, a list (1,2,3) or a range (100-120)"
    )
    parser.add_argument("--calls", type=_calls, default=50, help="of each seed; %(default)s")
    parser.add_argument(
        "--profile",
        choices=PROFILES,
        default="swarm",
        help="whether each seed draws its own faults (%(default)s), has those of an everyday bad "
        "day, or these where callers say the same words again and again",
    )
    parser.add_argument("--only", type=_numbers, help="numbers of the calls to make; all")
    parser.add_argument("--faults", type=_faults, help="the faults that may happen; all")
    parser.add_argument("--figures", choices=["short", "long"], help="measure instead")
    options = parser.parse_args(arguments)
    strangers = [number for number in options.only or () if number >= options.calls]
    if strangers:
        most = options.calls - 1
        parser.error(f"argument --only: there is no call {strangers[0]}: they go from 0 to {most}")
    return options


def _calls(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of calls: give 1 or more")
    return int(text)


def _numbers(text: str) -> list[int] | None:
    """Read the numbers of calls; of an empty text, None: `make` hands that over for all."""
    if not text:
        return None
    strangers = [part for part in text.split(",") if not part.strip().isdecimal()]
    if strangers:
        raise argparse.ArgumentTypeError(f"{strangers[0]!r} is no number of a call: give 3 or 3,17")
    return [int(part) for part in text.split(",")]


def _faults(text: str) -> list[str] | None:
    """Read the names of faults; likewise."""
    names = text.split(",") if text else []
    strangers = [name for name in names if name != NO_FAULT and not _FAULT.fullmatch(name)]
    if strangers:
        wanted = f"a failing seed prints their names, like 3:crash#1; {NO_FAULT!r} lets none happen"
        raise argparse.ArgumentTypeError(f"{strangers[0]!r} is no fault: {wanted}")
    return names or None


def _print(line: str) -> None:
    sys.stdout.write(f"{line}\n")


if __name__ == "__main__":
    sys.exit(main())
