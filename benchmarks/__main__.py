"""Everything in one run: the product beside what people would write otherwise.

    python -m benchmarks [--rounds 11] [--turns 40] [--long-call 500] [--json FILE]

Each round starts each contender once, so that whatever else the machine does meets all alike.
"""

import argparse
import json
import os
import platform
import sys
import time
from importlib.metadata import distributions
from pathlib import Path

from aiflow_local.simulator.bots.in_process import load_agent
from aiflow_local.stack.project import find_project
from benchmarks import emulated, growth, modules, processes, simulator, sizes
from benchmarks.contenders import BARE, CONTENDERS, LAYER, OURS
from benchmarks.report import report
from benchmarks.results import Measured, Results
from benchmarks.store import Store, running_store
from tests.helpers.emulator import BUILD, RUNTIME
from tests.helpers.template import Template

_PHONE_CALLS = 200
_SHORT_CALL = 10


def main() -> None:
    """Measure and print."""
    options = _options()
    begun = time.monotonic()
    with running_store() as store:
        results = Results(
            machine=_machine(store, options),
            floor=BARE.name,
            ours=OURS.name,
            contenders={
                contender.name: Measured(sizes.function_bytes(contender))
                for contender in CONTENDERS
            },
            layer_bytes=sizes.layer_bytes(),
            modules=_modules(store),
            phone=_phone(),
        )
        _measure(results, store, options)
    print(report(results))
    print(f"\n{time.monotonic() - begun:.0f} s in all")
    if options.json:
        options.json.write_text(json.dumps(results.as_json(), indent=1) + "\n")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="What the product costs, beside its peers.")
    parser.add_argument("--rounds", type=int, default=11, help="fresh processes of each")
    parser.add_argument("--turns", type=int, default=40, help="turns in each process")
    parser.add_argument("--long-call", type=int, default=500, help="turns of the long call")
    parser.add_argument("--json", type=Path, help="write all figures, run by run, to this file")
    return parser.parse_args()


def _measure(results: Results, store: Store, options: argparse.Namespace) -> None:
    for number in range(options.rounds):
        _progress(f"round {number + 1} of {options.rounds}")
        # Another one goes first in each: what ran before it is felt by the next.
        first = number % len(CONTENDERS)
        order = (*CONTENDERS[first:], *CONTENDERS[:first])
        for contender in order:
            measured = results.contenders[contender.name]
            measured.processes.append(processes.run(contender, store, options.turns))
        for contender in order:
            measured = results.contenders[contender.name]
            measured.containers.append(emulated.run(contender, store))
    for contender in CONTENDERS:
        # The others keep one number, which takes the same room on each turn.
        count = options.long_call if contender in {BARE, OURS} else _SHORT_CALL
        _progress(f"a call of {count} turns: {contender.name}")
        results.contenders[contender.name].turns = growth.turns_of(contender, store, count)


def _modules(store: Store) -> dict[str, int]:
    """Count what each built function of the template imports."""
    environment = OURS.environment(store.table(OURS.key), store.endpoint)
    counted: dict[str, int] = {}
    for name, properties in Template(BUILD / "template.yaml").functions.items():
        module = properties["Handler"].rpartition(".")[0]
        counted[name] = len(modules.imported(module, [BUILD / name, LAYER, RUNTIME], environment))
    return counted


def _phone() -> simulator.Figures:
    _progress("the phone")
    with load_agent(find_project(), [], print) as agent:
        simulator.measure(agent, 20)  # the first calls build the models
        return simulator.measure(agent, _PHONE_CALLS)


def _machine(store: Store, options: argparse.Namespace) -> dict[str, str]:
    return {
        "measured": time.strftime("%Y-%m-%d", time.gmtime()),
        "machine": f"{os.cpu_count()} cores, {platform.machine()}, {platform.system()}",
        "load before": f"{os.getloadavg()[0]:.1f}",
        "Python": platform.python_version(),
        "botocore": _version("botocore", RUNTIME),
        "pydantic": _version("pydantic", LAYER),
        "store": store.name,
        "fresh processes of each": str(options.rounds),
        "turns in each": str(options.turns),
    }


def _version(package: str, folder: Path) -> str:
    (found,) = distributions(name=package, path=[str(folder)])
    return found.version


def _progress(what: str) -> None:
    print(what, file=sys.stderr)


if __name__ == "__main__":
    main()
