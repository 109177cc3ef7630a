"""The simulation from a shell: seeds, or all the figures.

python -m tests.simulation [--seeds 7 | 1,2,3 | 100-120] [--calls 50] [--profile everyday]
python -m tests.simulation --figures short|long
"""

import argparse
import sys
from collections.abc import Iterator

from tests.simulation.dice import EVERYDAY
from tests.simulation.habits import Habits
from tests.simulation.happened import Plan
from tests.simulation.judges import judged
from tests.simulation.shrink import shrunken, story
from tests.simulation.world import simulate


def main() -> int:
    """Simulate, and print what came of it; return how the process ends."""
    options = _options()
    if options.figures:
        from tests.simulation.figures import print_figures  # noqa: PLC0415 - seeds need none

        return print_figures(is_long=options.figures == "long")
    failed = [seed for seed in seeds_of(options.seeds) if not _passes(_plan(options, seed))]
    _print("all passed" if not failed else f"failed: {failed}")
    return bool(failed)


def seeds_of(text: str) -> Iterator[int]:
    """Yield the seeds of `7`, `1,2,3` or `100-120`."""
    for part in text.split(","):
        first, _, last = part.partition("-")
        yield from range(int(first), int(last or first) + 1)


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
    only_calls = [int(each) for each in options.only.split(",")] if options.only else None
    is_everyday = options.profile == "everyday"
    return Plan(
        seed=seed,
        calls=options.calls,
        rates=EVERYDAY if is_everyday else None,
        habits=Habits() if is_everyday else None,
        only_calls=only_calls,
        only_faults=options.faults.split(",") if options.faults else None,
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make simulate", description=__doc__)
    parser.add_argument("--seeds", default="1", help="one, a list (1,2,3) or a range (100-120)")
    parser.add_argument("--calls", type=int, default=50, help="of each seed")
    parser.add_argument("--profile", choices=["swarm", "everyday"], default="swarm")
    parser.add_argument("--only", default="", help="the numbers of the calls to make")
    parser.add_argument("--faults", default="", help="the names of the faults that may happen")
    parser.add_argument("--figures", choices=["short", "long"], help="measure instead")
    return parser.parse_args()


def _print(line: str) -> None:
    sys.stdout.write(f"{line}\n")


if __name__ == "__main__":
    sys.exit(main())
