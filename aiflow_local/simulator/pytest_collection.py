"""Scenario files as pytest items, and the agent that all tests call."""

from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from aiflow_local.errors import LocalError
from aiflow_local.simulator.bots.in_process import ProjectAgent, load_agent
from aiflow_local.simulator.engine.clock import Clock
from aiflow_local.simulator.scenarios.runner import ScenarioRunner
from aiflow_local.simulator.scenarios.scenario import Scenario, load_scenarios
from aiflow_local.stack.project import find_project

if TYPE_CHECKING:
    from _pytest._code.code import TerminalRepr, TracebackStyle

_AGENT = pytest.StashKey[ProjectAgent]()
_ERRORS = pytest.StashKey[list[str]]()


class ScenarioFailed(Exception):
    """A scenario failed; the message has the failures and the transcript."""


class CallFile(pytest.File):
    """A scenario file."""

    def collect(self) -> Iterable[pytest.Item]:
        """Return a test for each scenario."""
        try:
            scenarios = load_scenarios(self.path)
        except LocalError as error:
            raise self.CollectError(str(error)) from error
        for scenario in scenarios:
            yield CallItem.from_parent(  # pyright: ignore[reportUnknownMemberType] - pytest's
                self, name=scenario.name, scenario=scenario
            )


class CallItem(pytest.Item):
    """A scenario."""

    def __init__(self, *, scenario: Scenario, **kwargs: Any) -> None:  # noqa: ANN401 - pytest's
        super().__init__(**kwargs)  # pyright: ignore[reportUnknownMemberType] - pytest's
        self._scenario = scenario

    def runtest(self) -> None:
        """Play the scenario.

        Raises:
            ScenarioFailed: an expectation was not met, or a handler failed.
        """
        clock = Clock()
        line = project_agent(self.config).connect(clock)
        errors = handler_errors(self.config)
        errors.clear()
        result = ScenarioRunner(self._scenario, line, clock, line.state).play()
        if errors or not result.passed:
            sections = [*errors, *result.failures, str(result.call.transcript)]
            raise ScenarioFailed("\n\n".join(sections))

    def repr_failure(
        self,
        excinfo: pytest.ExceptionInfo[BaseException],
        style: "TracebackStyle | None" = None,
    ) -> "str | TerminalRepr":
        """Return the failure without a traceback."""
        if isinstance(excinfo.value, ScenarioFailed):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, None, str]:
        """Return the location of the scenario."""
        return self.path, None, self.name


def project_agent(config: pytest.Config) -> ProjectAgent:
    """Return the agent of this project, loaded once for all tests."""
    if _AGENT not in config.stash:
        parameters: list[str] = config.getini("aiflow_parameters")
        errors = config.stash[_ERRORS] = []
        stack = ExitStack()
        agent = stack.enter_context(load_agent(find_project(), parameters, errors.append))
        config.stash[_AGENT] = agent
        config.add_cleanup(stack.close)
    return config.stash[_AGENT]


def handler_errors(config: pytest.Config) -> list[str]:
    """Return the tracebacks of handler errors since the list was last emptied."""
    return config.stash[_ERRORS]
