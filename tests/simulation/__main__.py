"""Simulates phone calls with faults: some seeds, or everything that the goals measure.

With make, the options are SEEDS, CALLS, PROFILE, ONLY and FAULTS. Without options, all goals are
measured.
"""

import argparse
import re
import sys
from collections.abc import Sequence

from tests.simulation.execution import Plan
from tests.simulation.faults import Fault
from tests.simulation.invariants import check_invariants
from tests.simulation.profiles import NO_FAULT, PROFILES
from tests.simulation.runner import simulate
from tests.simulation.shrink import failure_report, shrink

_FAULT = re.compile(rf"[^:#]+:({'|'.join(fault.value for fault in Fault)})#\d+")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the simulation and print the results.

    Exit codes: 0 all passed, 1 a violation or a missed goal, 2 invalid options.
    """
    options = _options(arguments)
    if options.figures:
        from tests.simulation.goals import measure_goals  # noqa: PLC0415 - slow, and not needed for seeds

        return measure_goals(is_long=options.figures == "long")
    failed = [seed for seed in options.seeds if not _passes(_plan(options, seed))]
    _print("all passed" if not failed else f"failed: {failed}")
    return bool(failed)


def seeds_of(text: str) -> list[int]:
    """Return the seeds of `7`, `1,2,3` or `100-120`.

    Raises:
        ArgumentTypeError: the text has another form.
    """
    seeds: list[int] = []
    for part in text.split(","):
        found = re.fullmatch(r"\s*(\d+)\s*(?:-\s*(\d+)\s*)?", part, re.ASCII)
        if not found:
            forms = "give one (7), a list (1,2,3) or a range (100-120)"
            raise argparse.ArgumentTypeError(f"{part!r} is not a seed: {forms}")
        first, last = int(found[1]), int(found[2] or found[1])
        if last < first:
            raise argparse.ArgumentTypeError(f"{part} is reversed: write {last}-{first}")
        seeds += range(first, last + 1)
    return seeds


def _passes(plan: Plan) -> bool:
    execution = simulate(plan)
    violations = check_invariants(execution)
    trace = execution.trace
    _print(
        f"seed {plan.seed}: {plan.calls} calls, {len(trace.runs)} invocations, "
        f"{len(execution.faults.injected)} faults, {trace.overlapped} overlaps, "
        f"{len(violations)} violations, digest {trace.digest()[:16]}"
    )
    for invariant in dict.fromkeys(violation.invariant for violation in violations):
        for line in failure_report(shrink(plan, invariant)):
            _print(f"  {line}")
    return not violations


def _plan(options: argparse.Namespace, seed: int) -> Plan:
    rates, behaviour = PROFILES[options.profile]
    return Plan(
        seed=seed,
        calls=options.calls,
        rates=rates,
        behaviour=behaviour,
        only_calls=options.only,
        only_faults=options.faults,
    )


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make simulate", description=__doc__)
    parser.add_argument(
        "--seeds", type=seeds_of, default=[1], help="a seed, a list (1,2,3) or a range (100-120); 1"
    )
    parser.add_argument("--calls", type=_calls, default=50, help="calls per seed; %(default)s")
    parser.add_argument(
        "--profile",
        choices=PROFILES,
        default="swarm",
        help="faults: drawn by each seed (%(default)s), at everyday rates, or at everyday rates "
        "with callers who repeat the same texts",
    )
    parser.add_argument("--only", type=_numbers, help="numbers of the calls to run; all")
    parser.add_argument("--faults", type=_faults, help="names of the faults that may occur; all")
    parser.add_argument(
        "--figures",
        choices=["short", "long"],
        help="measure all goals, with small or large samples",
    )
    options = parser.parse_args(arguments)
    unknown = [number for number in options.only or () if number >= options.calls]
    if unknown:
        most = options.calls - 1
        parser.error(
            f"argument --only: there is no call {unknown[0]}: calls are numbered 0 to {most}"
        )
    return options


def _calls(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of calls: give 1 or more")
    return int(text)


def _numbers(text: str) -> list[int] | None:
    """Parse call numbers. An empty text, which `make` passes, means all calls."""
    if not text:
        return None
    unknown = [part for part in text.split(",") if not part.strip().isdecimal()]
    if unknown:
        raise argparse.ArgumentTypeError(f"{unknown[0]!r} is not a call number: give 3 or 3,17")
    return [int(part) for part in text.split(",")]


def _faults(text: str) -> list[str] | None:
    """Parse fault names. An empty text, which `make` passes, means all faults."""
    names = text.split(",") if text else []
    unknown = [name for name in names if name != NO_FAULT and not _FAULT.fullmatch(name)]
    if unknown:
        hint = f"a failing seed prints names like 3:crash#1; {NO_FAULT!r} allows no fault"
        raise argparse.ArgumentTypeError(f"{unknown[0]!r} is not a fault: {hint}")
    return names or None


def _print(line: str) -> None:
    sys.stdout.write(f"{line}\n")


if __name__ == "__main__":
    sys.exit(main())
