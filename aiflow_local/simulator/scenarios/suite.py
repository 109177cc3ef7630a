"""Scenario files that were read."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from aiflow_local.simulator.engine.options import ServiceOptions
from aiflow_local.simulator.scenarios.scenario import Scenario


@dataclass(frozen=True)
class Suite:
    """A scenario file.

    Attributes:
        file: its name on the command line.
        scenarios: its scenarios.
    """

    file: str
    scenarios: Sequence[Scenario]


def with_options(suite: Suite, given: ServiceOptions) -> Suite:
    """Return the suite with these service options in place of those of its scenarios."""
    change = {name: getattr(given, name) for name in given.model_fields_set}
    scenarios = [
        scenario.model_copy(update={"given": scenario.given.model_copy(update=change)})
        for scenario in suite.scenarios
    ]
    return replace(suite, scenarios=scenarios)
