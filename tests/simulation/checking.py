"""The simulation looks at itself: what it never did, it cannot have shown."""

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import combinations, pairwise

from tests.simulation.dice import Fault
from tests.simulation.happened import Happened


class Checked:
    """Counts what was simulated."""

    def __init__(self) -> None:
        self.faults: Counter[str] = Counter()
        self.doors: Counter[str] = Counter()
        self.agents: Counter[str] = Counter()
        self.repeats: Counter[bool] = Counter()
        self.overlapped = 0
        self.filled = 0
        self.calls = 0
        self.invocations = 0
        self.sweeps = 0
        self.overlapping_sweeps = 0
        self.contested = 0
        self.closed = 0

    def add(self, happened: Happened) -> None:
        """Count one simulation."""
        self.faults += happened.faults.counts
        self.repeats[happened.habits.repeats] += 1
        self.doors.update(happened.doors.values())
        self.agents.update(happened.names.values())
        self.overlapped += happened.record.overlapped
        filler = happened.cloud.settings.filler_message
        self.filled += sum(filler in body for run in happened.record.runs for body in run.bodies)
        self.calls += len(happened.names)
        self.invocations += len(happened.record.runs)
        sweeps = happened.record.sweeps
        self.sweeps += len(sweeps)
        # In their order, though each may be as slow as it likes.
        self.overlapping_sweeps += sum(
            one.ended_ms > other.begun_ms for one, other in pairwise(sweeps)
        )
        closing = [run for run in happened.record.runs if run.door == "schedule"]
        self.closed += sum(run.end == "answered" for run in closing)
        self.contested += sum(
            one.call == other.call and one.ended_ms > other.begun_ms
            for one, other in combinations(closing, 2)
        )

    @property
    def both_platforms(self) -> bool:
        """Whether there was a service that repeats a request that failed, and one that does not."""
        return len(self.repeats) == 2

    def problems(self, faults: Iterable[Fault] = tuple(Fault)) -> Iterator[str]:
        """Yield what was not simulated although it was meant to be."""
        yield from (
            f"{fault.value} was never injected" for fault in faults if not self.faults[fault]
        )
        if not self.overlapped:
            yield "no two invocations of a call ran at once"
        if not self.filled:
            yield "nobody had to be told that it takes a moment"
        if not self.overlapping_sweeps:
            yield "no two sweeps ran at once"
        if not self.contested:
            yield "no two sweeps were about to close the same call"
        if not self.closed:
            yield "no call was left for the sweeper"
        for door in ("http", "rest", "websocket"):
            if not self.doors[door]:
                yield f"nothing came through the door {door}"
