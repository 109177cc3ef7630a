"""What was measured, and what follows from it: medians, and ratios to the floor."""

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
    """All that was measured of one contender, run by run.

    Attributes:
        function_bytes: size of the function, zipped.
        processes: fresh processes.
        containers: in Lambda's emulator.
        turns: what each turn of a long call asked of the table.
    """

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
        """Return p50 and p99 of a warm turn, over all processes."""
        percentiles = quantiles(
            (lap for process in self.processes for lap in process.warm_ms), n=100
        )
        return percentiles[49], percentiles[98]


@dataclass
class Results:
    """One run of everything.

    Attributes:
        machine: where it ran, by name of the fact.
        floor: the name of the contender that the others are compared with.
        ours: the name of the product.
        contenders: by name.
        layer_bytes: of the layer, zipped, by processor.
        modules: how many each of our functions imports, by name of the function.
        phone: how many calls the phone makes.
    """

    machine: Mapping[str, str]
    floor: str
    ours: str
    contenders: Mapping[str, Measured]
    layer_bytes: Mapping[str, int]
    modules: Mapping[str, int]
    phone: Figures

    def process_ratio(self, name: str, figure: Callable[[Process], float]) -> float:
        """Return the median of the ratios to the floor, each between neighbours in time."""
        floor, other = self.contenders[self.floor].processes, self.contenders[name].processes
        return _ratio(list(map(figure, other)), list(map(figure, floor)))

    def container_ratio(self, name: str, figure: Callable[[Container], float]) -> float:
        """Return the median of the ratios to the floor, each between neighbours in time."""
        floor, other = self.contenders[self.floor].containers, self.contenders[name].containers
        return _ratio(list(map(figure, other)), list(map(figure, floor)))

    def as_json(self) -> dict[str, Any]:
        """Return everything, run by run."""
        return asdict(self)


def _ratio(values: Sequence[float], floors: Sequence[float]) -> float:
    return median(value / floor for value, floor in zip(values, floors, strict=True))
