"""Speed of the simulator in calls per minute of CPU. It runs in virtual time, so it never waits.

    python -m benchmarks.simulator [--calls 500] [--json]

One process plays calls of ten turns with the agent of this project: its handlers, the in-memory
store, and all events that the service sends in a turn.
"""

import argparse
import json
import platform
import time
from dataclasses import asdict, dataclass

from aiflow_local.simulator.bots.in_process import ProjectAgent, load_agent
from aiflow_local.simulator.engine.caller import PhoneCall
from aiflow_local.simulator.engine.clock import Clock
from aiflow_local.simulator.engine.options import ServiceOptions
from aiflow_local.simulator.engine.parties import CallParties
from aiflow_local.simulator.engine.transcript import EntryKind
from aiflow_local.stack.project import find_project

TURNS = 10
GOAL_CALLS_PER_MINUTE = 3000


@dataclass(frozen=True)
class Figures:
    """The figures of one measurement.

    Attributes:
        calls: number of calls.
        events: number of events in these calls.
        wall_seconds: elapsed time.
        cpu_seconds: CPU time of this process.
    """

    calls: int
    events: int
    wall_seconds: float
    cpu_seconds: float

    @property
    def calls_per_minute(self) -> float:
        """Calls per minute of CPU time: on one core, whatever the load of the machine."""
        return self.calls / self.cpu_seconds * 60

    @property
    def ms_per_event(self) -> float:
        """CPU time per event in milliseconds, that of the simulator included."""
        return self.cpu_seconds / self.events * 1000


def measure(agent: ProjectAgent, calls: int) -> Figures:
    """Play a number of calls, one after the other."""
    events = 0
    begun, cpu_begun = time.perf_counter(), time.process_time()
    for _ in range(calls):
        events += _call(agent)
    return Figures(calls, events, time.perf_counter() - begun, time.process_time() - cpu_begun)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Simulated calls of ten turns per minute of CPU.")
    parser.add_argument("--calls", type=int, default=500, help="number of calls")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    with load_agent(find_project(), [], print) as agent:
        measure(agent, 20)  # The first calls build the models.
        figures = measure(agent, options.calls)
    if options.json:
        derived = {
            "calls_per_minute": figures.calls_per_minute,
            "ms_per_event": figures.ms_per_event,
        }
        print(json.dumps({**asdict(figures), **derived}))
        return
    print(f"Python {platform.python_version()} on {platform.machine()}")
    print(f"{figures.calls} calls of {TURNS} turns, {figures.events} events")
    print(f"{figures.wall_seconds:.1f} s elapsed, {figures.cpu_seconds:.1f} s of CPU")
    print(f"{figures.ms_per_event:.2f} ms of CPU per event")
    print(f"{figures.calls_per_minute:.0f} calls per minute of CPU (goal: {GOAL_CALLS_PER_MINUTE})")


def _call(agent: ProjectAgent) -> int:
    clock = Clock()
    call = PhoneCall(agent.connect(clock), ServiceOptions(), CallParties(), clock)
    call.begin()
    for turn in range(TURNS - 1):
        call.says(f"This is what I say in turn number {turn}")
    call.says("Goodbye")
    call.settle()
    if not call.is_over or call.problems:
        raise SystemExit(f"The call failed:\n{call.transcript}")
    return len(call.transcript.of(EntryKind.EVENT))


if __name__ == "__main__":
    main()
