"""pytest plugin: the fixture `phone`, and files named `*.call.yaml` as tests."""

from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from aiflow_local.simulator.testing import Phone

_ENDING = ".call.yaml"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option for template parameters."""
    parser.addini(
        "aiflow_parameters",
        type="args",
        default=[],
        help="Parameters of template.yaml for calls in tests, each NAME=VALUE.",
    )


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Collect scenario files as tests."""
    if not file_path.name.endswith(_ENDING):
        return None
    from aiflow_local.simulator.pytest_collection import CallFile  # noqa: PLC0415 - coverage must start first

    return CallFile.from_parent(  # pyright: ignore[reportUnknownMemberType] - pytest's
        parent, path=file_path
    )


@pytest.fixture
def phone(request: pytest.FixtureRequest) -> "Phone":
    """Return a phone that calls the agent of this project."""
    from aiflow_local.simulator.pytest_collection import handler_errors, project_agent  # noqa: PLC0415 - see above
    from aiflow_local.simulator.testing import Phone  # noqa: PLC0415 - see above

    phone = Phone(project_agent(request.config), handler_errors(request.config))
    request.node.stash[_PHONE] = phone
    return phone


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add the calls of a failed test to its report."""
    report = yield
    if report.failed and _PHONE in item.stash:
        phone = item.stash[_PHONE]
        report.sections += [("error of a handler", error) for error in phone.errors]
        for number, call in enumerate(phone.calls, 1):
            report.sections.append((f"phone call {number}", str(call.transcript)))
    return report


_PHONE = pytest.StashKey["Phone"]()
