"""The results: medians, and ratios to a baseline."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from statistics import median, quantiles
from typing import Any

from benchmarks.emulated import Container
from benchmarks.growth import Turn
from benchmarks.processes import Process
from benchmarks.simulator import Figures


@dataclass
class Measured:
    """All figures of one contender, run by run.

    Attributes:
        has_bytecode: whether it is compiled already.
        function_bytes: size of the function, zipped.
        processes: fresh processes.
        containers: containers in Lambda's emulator.
        turns: use of the table in each turn of one call; empty if only bytecode differs from
            another contender.
    """

    has_bytecode: bool
    function_bytes: int
    processes: list[Process] = field(default_factory=list[Process])
    containers: list[Container] = field(default_factory=list[Container])
    turns: list[Turn] = field(default_factory=list[Turn])

    def process(self, figure: Callable[[Process], float]) -> float:
        """Return the median of a figure of the processes."""
        return median(map(figure, self.processes))

    def container(self, figure: Callable[[Container], float]) -> float:
        """Return the median of a figure of the containers."""
        return median(map(figure, self.containers))

    def warm_ms(self) -> tuple[float, float]:
        """Return p50 and p99 of a warm turn over all processes."""
        percentiles = quantiles(
            (lap for process in self.processes for lap in process.warm_ms), n=100
        )
        return percentiles[49], percentiles[98]


@dataclass
class Results:
    """The results of one run of the benchmark.

    Attributes:
        machine: facts about the machine and the run, by name.
        baseline: name of the contender that the others are compared with.
        ours: name of the product among the contenders.
        contenders: figures by name.
        layer_bytes: zipped size of the layer by architecture.
        modules: number of imported modules by function of the template.
        simulator: speed of the simulator.
    """

    machine: Mapping[str, str]
    baseline: str
    ours: str
    contenders: Mapping[str, Measured]
    layer_bytes: Mapping[str, int]
    modules: Mapping[str, int]
    simulator: Figures

    def process_ratio(self, name: str, figure: Callable[[Process], float]) -> float:
        """Return the median of the ratios to the baseline, each within one round."""
        baseline, other = self.contenders[self.baseline].processes, self.contenders[name].processes
        return _ratio(list(map(figure, other)), list(map(figure, baseline)))

    def container_ratio(self, name: str, figure: Callable[[Container], float]) -> float:
        """Return the median of the ratios to the baseline, each within one round."""
        baseline = self.contenders[self.baseline].containers
        other = self.contenders[name].containers
        return _ratio(list(map(figure, other)), list(map(figure, baseline)))

    def as_json(self) -> dict[str, Any]:
        """Return everything, run by run."""
        return asdict(self)


def _ratio(values: Sequence[float], baselines: Sequence[float]) -> float:
    pairs = zip(values, baselines, strict=True)
    return median(value / baseline for value, baseline in pairs)
