"""Counts what was simulated, to find what the simulation never exercised."""

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import combinations, pairwise

from tests.simulation.execution import Execution
from tests.simulation.faults import Fault


class Coverage:
    """Counts over simulations."""

    def __init__(self) -> None:
        self.faults: Counter[str] = Counter()
        self.transports: Counter[str] = Counter()
        self.agents: Counter[str] = Counter()
        self.retries_failed_requests: Counter[bool] = Counter()
        self.overlapped = 0
        self.fillers = 0
        self.calls = 0
        self.invocations = 0
        self.sweeps = 0
        self.overlapping_sweeps = 0
        self.contested = 0
        self.closed = 0

    def add(self, execution: Execution) -> None:
        """Count one execution."""
        self.faults += execution.faults.counts
        self.retries_failed_requests[execution.behaviour.retries_failed_requests] += 1
        self.transports.update(execution.transports.values())
        self.agents.update(execution.agent_names.values())
        self.overlapped += execution.trace.overlapped
        filler = execution.aws.settings.filler_message
        self.fillers += sum(filler in body for run in execution.trace.runs for body in run.bodies)
        self.calls += len(execution.agent_names)
        self.invocations += len(execution.trace.runs)
        sweeps = execution.trace.sweeps
        self.sweeps += len(sweeps)
        # In order of their start; a sweep may outlast the next one.
        self.overlapping_sweeps += sum(
            one.ended_ms > other.started_ms for one, other in pairwise(sweeps)
        )
        closing = [run for run in execution.trace.runs if run.transport == "schedule"]
        self.closed += sum(run.end == "answered" for run in closing)
        self.contested += sum(
            one.call == other.call and one.ended_ms > other.started_ms
            for one, other in combinations(closing, 2)
        )

    @property
    def has_both_retry_modes(self) -> bool:
        """Whether services with and without retries of failed requests were simulated."""
        return len(self.retries_failed_requests) == 2

    def problems(self, faults: Iterable[Fault] = tuple(Fault)) -> Iterator[str]:
        """Yield what was not simulated."""
        yield from (
            f"{fault.value} was never injected" for fault in faults if not self.faults[fault]
        )
        if not self.overlapped:
            yield "no two invocations of a call ran at once"
        if not self.fillers:
            yield "no filler was sent"
        if not self.overlapping_sweeps:
            yield "no two sweeps ran at once"
        if not self.contested:
            yield "no two sweeps tried to close the same call"
        if not self.closed:
            yield "no call was closed by the sweeper"
        for transport in ("http", "rest", "websocket"):
            if not self.transports[transport]:
                yield f"no call used the transport {transport}"
