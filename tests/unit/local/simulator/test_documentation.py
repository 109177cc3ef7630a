"""docs/phone.md lists all service options, and its scenario is valid."""

import re
from pathlib import Path

import pytest

from aiflow_local.simulator.engine.clock import Clock
from aiflow_local.simulator.engine.options import ServiceOptions
from aiflow_local.simulator.pytest_collection import project_agent
from aiflow_local.simulator.scenarios.runner import ScenarioRunner
from aiflow_local.simulator.scenarios.scenario import load_scenarios

PAGE = Path(__file__).parents[4] / "docs" / "phone.md"


def test_every_option_is_documented_with_its_default_first() -> None:
    table = PAGE.read_text(encoding="utf-8").partition("## The switches")[2]
    documented: dict[str, str] = {}
    for names, values in re.findall(r"^\| (`\w.*?) \| (.*?) \|", table, re.MULTILINE):
        documented |= dict(zip(re.findall(r"\w+", names), re.findall(r"\w+", values), strict=False))

    assert documented == {
        name: str(value).lower() for name, value in ServiceOptions().model_dump().items()
    }


def test_the_scenario_on_the_page_goes_as_it_says(
    request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    text = re.search(r"```yaml\n(scenarios:.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert text is not None
    file = tmp_path / "page.yaml"
    file.write_text(text[1], encoding="utf-8")

    (scenario,) = load_scenarios(file)

    clock = Clock()
    line = project_agent(request.config).connect(clock)
    assert ScenarioRunner(scenario, line, clock, line.state).play().failures == []
    assert scenario.name == "caller asks for a human and nobody answers"
    assert len(scenario.turns) == 7
