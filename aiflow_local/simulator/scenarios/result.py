"""The result of a scenario."""

from dataclasses import asdict, dataclass, field
from typing import Any

from aiflow_local.simulator.engine.caller import PhoneCall
from aiflow_local.simulator.scenarios.scenario import Scenario


@dataclass(frozen=True)
class ScenarioResult:
    """The result of a scenario, as text with everything that explains a failure.

    Attributes:
        scenario: the scenario.
        call: the call.
        failures: failed expectations with their location.
        skipped: expectations that could not be checked.
    """

    scenario: Scenario
    call: PhoneCall
    failures: list[str] = field(default_factory=list[str])
    skipped: list[str] = field(default_factory=list[str])

    @property
    def passed(self) -> bool:
        """Whether there are no failures."""
        return not self.failures

    def __str__(self) -> str:
        verdict = "passed" if self.passed else "FAILED"
        title = f"{verdict}: {self.scenario.name}"
        notes = [*self.failures, *(f"not checked: {what}" for what in self.skipped)]
        text = "\n\n".join([title, *notes])
        return text if self.passed else f"{text}\n\nThe call so far:\n{self.call.transcript}"

    def to_json(self) -> dict[str, Any]:
        """Return the result with the transcript."""
        return {
            "name": self.scenario.name,
            "line": self.scenario.line,
            "passed": self.passed,
            "failures": list(self.failures),
            "skipped": list(self.skipped),
            "problems": [asdict(problem) for problem in self.call.problems],
            "transcript": [entry.to_json() for entry in self.call.transcript.entries],
        }
