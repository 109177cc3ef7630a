"""How a scenario went: for people, and for programs."""

from dataclasses import asdict, dataclass, field
from typing import Any

from aiflow_local.simulator.engine.caller import PhoneCall
from aiflow_local.simulator.scenarios.scenario import Scenario


@dataclass(frozen=True)
class ScenarioResult:
    """How a scenario went; as text, all that is needed to understand a failure.

    Attributes:
        scenario: what was played.
        call: what happened.
        failures: what was not as expected, each with its place.
        skipped: what could not be checked, and why.
    """

    scenario: Scenario
    call: PhoneCall
    failures: list[str] = field(default_factory=list[str])
    skipped: list[str] = field(default_factory=list[str])

    @property
    def passed(self) -> bool:
        """Whether all was as expected."""
        return not self.failures

    def __str__(self) -> str:
        verdict = "passed" if self.passed else "FAILED"
        title = f"{verdict}: {self.scenario.name}"
        notes = [*self.failures, *(f"not checked: {what}" for what in self.skipped)]
        told = "\n\n".join([title, *notes])
        return told if self.passed else f"{told}\n\nThe call so far:\n{self.call.transcript}"

    def to_json(self) -> dict[str, Any]:
        """Return it for a program, with the whole call."""
        return {
            "name": self.scenario.name,
            "line": self.scenario.line,
            "passed": self.passed,
            "failures": list(self.failures),
            "skipped": list(self.skipped),
            "problems": [asdict(problem) for problem in self.call.problems],
            "transcript": [entry.to_json() for entry in self.call.transcript.entries],
        }
