"""Compare the product with other ways to write the same agent.

    python -m benchmarks [--rounds 9] [--turns 40] [--long-call 500] [--json FILE]

Each round starts each contender once, so that other load on the machine affects all alike.
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
from benchmarks.contenders import BASELINE, CONTENDERS, LAYER, OURS
from benchmarks.report import report
from benchmarks.results import Measured, Results
from benchmarks.store import Store, running_store
from tests.helpers.emulator import BUILD, RUNTIME
from tests.helpers.template import Template

_SIMULATED_CALLS = 200
_SHORT_CALL = 10


def main() -> None:
    """Measure and print."""
    options = _options()
    begun = time.monotonic()
    with running_store() as store:
        results = Results(
            machine=_machine(store, options),
            baseline=BASELINE.name,
            ours=OURS.name,
            contenders={
                contender.name: Measured(contender.has_bytecode, sizes.function_bytes(contender))
                for contender in CONTENDERS
            },
            layer_bytes=sizes.layer_bytes(),
            modules=_modules(store),
            simulator=_simulator(),
        )
        _measure(results, store, options)
    print(report(results))
    print(f"\n{time.monotonic() - begun:.0f} s in total")
    if options.json:
        options.json.write_text(json.dumps(results.as_json(), indent=1) + "\n")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="Compare the product with other ways to write the same agent."
    )
    parser.add_argument("--rounds", type=int, default=9, help="fresh processes of each contender")
    parser.add_argument("--turns", type=int, default=40, help="turns in each process")
    parser.add_argument("--long-call", type=int, default=500, help="turns of the long call")
    parser.add_argument("--json", type=Path, help="write all figures, run by run, to this file")
    return parser.parse_args()


def _measure(results: Results, store: Store, options: argparse.Namespace) -> None:
    for number in range(options.rounds):
        _progress(f"round {number + 1} of {options.rounds}")
        # A process affects the one after it. So each round starts with another contender.
        first = number % len(CONTENDERS)
        order = (*CONTENDERS[first:], *CONTENDERS[:first])
        for contender in order:
            measured = results.contenders[contender.name]
            measured.processes.append(processes.run(contender, store, options.turns))
        for contender in order:
            measured = results.contenders[contender.name]
            measured.containers.append(emulated.run(contender, store))
    for contender in CONTENDERS:
        if contender.has_bytecode and contender is not OURS:
            continue  # The same requests to the table as without bytecode.
        # The others store one number, whose size is the same in each turn.
        count = options.long_call if contender in {BASELINE, OURS} else _SHORT_CALL
        _progress(f"a call of {count} turns: {contender.name}")
        results.contenders[contender.name].turns = growth.turns_of(contender, store, count)


def _modules(store: Store) -> dict[str, int]:
    """Count the imports of each built function of the template."""
    environment = OURS.environment(store.table(OURS.key), store.endpoint)
    counted: dict[str, int] = {}
    for name, properties in Template(BUILD / "template.yaml").functions.items():
        module = properties["Handler"].rpartition(".")[0]
        counted[name] = len(modules.imported(module, [BUILD / name, LAYER, RUNTIME], environment))
    return counted


def _simulator() -> simulator.Figures:
    _progress("the simulator")
    with load_agent(find_project(), [], print) as agent:
        simulator.measure(agent, 20)  # The first calls build the models.
        return simulator.measure(agent, _SIMULATED_CALLS)


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
