"""The pytest plugin: a fixture `phone`, and files named `*.call.yaml` as tests.

Everything is imported where it is used: pytest loads a plugin before coverage begins to look.
"""

from collections.abc import Generator, Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from _pytest._code.code import TerminalRepr, TracebackStyle

    from local.phone.agent import Agent
    from local.phone.play import Result
    from local.phone.scenario import Scenario
    from local.phone.testing import Phone

_ENDING = ".call.yaml"
_AGENT = pytest.StashKey["Agent"]()


class CallFailed(Exception):
    """A scenario did not go as expected; says where, and what happened in the call."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let a project say what its template is to be given."""
    parser.addini(
        "aiflow_parameters",
        type="args",
        default=[],
        help="Parameters of template.yaml for calls in tests, each NAME=VALUE.",
    )


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Take files of scenarios for tests."""
    if file_path.name.endswith(_ENDING):
        return CallFile.from_parent(  # pyright: ignore[reportUnknownMemberType] - pytest's
            parent, path=file_path
        )
    return None


class CallFile(pytest.File):
    """A file of scenarios."""

    def collect(self) -> Iterable[pytest.Item]:
        """Return a test for each scenario."""
        from local.errors import LocalError  # noqa: PLC0415 - see above
        from local.phone.scenario import load_scenarios  # noqa: PLC0415

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

    def __init__(self, *, scenario: "Scenario", **kwargs: Any) -> None:  # noqa: ANN401 - pytest's
        super().__init__(**kwargs)  # pyright: ignore[reportUnknownMemberType] - pytest's
        self._scenario = scenario

    def runtest(self) -> None:
        """Play it.

        Raises:
            CallFailed: the agent did not do what was expected.
        """
        from local.phone.clock import Clock  # noqa: PLC0415 - see above
        from local.phone.play import Player  # noqa: PLC0415

        clock = Clock()
        line = _agent(self.config).line(clock)
        result = Player(self._scenario, line, clock, line.state).play()
        if not result.passed:
            raise CallFailed(_told(result))

    def repr_failure(
        self,
        excinfo: pytest.ExceptionInfo[BaseException],
        style: "TracebackStyle | None" = None,
    ) -> "str | TerminalRepr":
        """Show the call, and not our own frames."""
        if isinstance(excinfo.value, CallFailed):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, None, str]:
        """Say where it stands."""
        return self.path, None, self.name


@pytest.fixture
def phone(request: pytest.FixtureRequest) -> "Phone":
    """Return a phone that calls the agent of this project."""
    from local.phone.testing import Phone  # noqa: PLC0415 - see above

    phone = Phone(_agent(request.config))
    request.node.stash[_PHONE] = phone
    return phone


_PHONE = pytest.StashKey["Phone"]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Print the calls of a test that failed."""
    report = yield
    if report.failed and _PHONE in item.stash:
        for number, call in enumerate(item.stash[_PHONE].calls, 1):
            report.sections.append((f"phone call {number}", str(call.transcript)))
    return report


def _agent(config: pytest.Config) -> "Agent":
    """Return the agent of this project, loaded once for all tests."""
    if _AGENT not in config.stash:
        from local.phone.agent import load_agent  # noqa: PLC0415 - see above
        from local.project import find_project  # noqa: PLC0415

        parameters: list[str] = config.getini("aiflow_parameters")
        loading = load_agent(find_project(), parameters, _complain)
        stack = ExitStack()
        config.stash[_AGENT] = stack.enter_context(loading)
        config.add_cleanup(stack.close)
    return config.stash[_AGENT]


def _complain(error: str) -> None:
    """Show an error of a handler where pytest shows what a test prints."""
    print(error)  # noqa: T201


def _told(result: "Result") -> str:
    return "\n\n".join([*result.failures, str(result.call.transcript)])
