from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from aiflow_local.errors import Unreadable
from aiflow_local.simulator.engine.clock import Clock
from aiflow_local.simulator.scenarios.batch_runner import PlayedScenario
from aiflow_local.simulator.scenarios.junit import write_junit
from aiflow_local.simulator.scenarios.runner import ScenarioRunner
from aiflow_local.simulator.scenarios.scenario import Scenario
from aiflow_local.simulator.scenarios.suite import Suite
from tests.unit.local.simulator.fake_bots import Bot, answers, say

ODD = "\x00\x1b[2J\ufffe <&> ]]>"


def played(suite: Suite, *errors: str) -> list[PlayedScenario]:
    """Play the scenarios of a suite with a bot that greets."""
    bot = answers(session_start=say("Hello \x1b"))
    return [
        PlayedScenario(suite, ScenarioRunner(scenario, Bot(bot), Clock()).play(), 0.25, errors)
        for scenario in suite.scenarios
    ]


def scenario(name: str, words: str) -> Scenario:
    expected = {"expect": [{"speak": {"contains": words}}]}
    return Scenario.model_validate(
        {"name": name, "turns": [expected], "finally": {"state": {"a": 1}}}
    )


def written(path: Path, all_of_them: list[PlayedScenario]) -> ET.Element:
    write_junit(path, all_of_them)
    return ET.parse(path).getroot()  # noqa: S314 - it is our own


@pytest.fixture
def root(tmp_path: Path) -> ET.Element:
    # Not even a Unicode text: what a handler raised may be anything.
    surrogate = "\ud83d"
    first = Suite("a.yaml", [scenario("good", "Hello"), scenario("bad", "Goodbye")])
    second = Suite(ODD, [scenario(ODD, ODD)])
    return written(tmp_path / "junit.xml", [*played(first), *played(second, ODD + surrogate)])


def test_each_file_is_a_suite_and_each_scenario_a_case(root: ET.Element) -> None:
    names = [[case.get("name") for case in suite] for suite in root]
    assert names[0] == ["good", "bad"]
    assert [suite.get("tests") for suite in root] == ["2", "1"]
    assert [suite.get("failures") for suite in root] == ["1", "1"]
    assert (root.get("tests"), root.get("failures"), root.get("time")) == ("3", "2", "0.750")


def test_a_failure_says_what_was_expected_and_a_success_has_none(root: ET.Element) -> None:
    good, bad = root[0]
    assert good.find("failure") is None
    failure = bad.find("failure")
    assert failure is not None
    assert '- speak contains="Goodbye"' in (failure.text or "")
    assert failure.get("message") == (
        "step 1 (the next answer): the actions differ from the expected ones"
    )


def test_each_case_has_the_whole_call_and_what_was_not_checked(root: ET.Element) -> None:
    for case in root.iter("testcase"):
        out = case.findtext("system-out") or ""
        assert "session_start -> 200" in out
        assert "not checked: finally: state" in out


def test_characters_that_xml_does_not_allow_are_replaced(root: ET.Element) -> None:
    (case,) = root[1]
    assert case.get("name") == "\ufffd\ufffd[2J\ufffd <&> ]]>"
    assert case.findtext("system-err") == f"{case.get('name')}\ufffd"


def test_an_unwritable_file_is_rejected(tmp_path: Path) -> None:
    with pytest.raises(Unreadable, match="cannot be written"):
        write_junit(tmp_path / "nowhere" / "junit.xml", [])
