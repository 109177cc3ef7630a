import json

from aiflow_local.simulator.engine.clock import Clock
from aiflow_local.simulator.scenarios.runner import ScenarioResult, ScenarioRunner
from aiflow_local.simulator.scenarios.scenario import Scenario
from tests.unit.local.simulator.fake_bots import Bot, Script, answers, say


def play(script: Script, *steps: dict[str, object]) -> ScenarioResult:
    """Play a scenario with a bot."""
    scenario = Scenario.model_validate({"name": "a call", "session": "s-1", "turns": list(steps)})
    return ScenarioRunner(scenario, Bot(script), Clock()).play()


def test_a_failure_prints_the_step_the_difference_and_the_whole_call() -> None:
    result = play(
        answers(session_start=say("Hello")),
        {"expect": [{"speak": {"contains": "Welcome"}}]},
        {"user": "hi", "expect": [{"speak": {}}]},
    )

    assert (
        str(result)
        == """\
FAILED: a call

step 1 (the next answer): the actions differ from the expected ones
  - speak contains="Welcome"
  + speak "Hello"   (does not contain that)

step 2 (user "hi"): the actions differ from the expected ones
  - speak   (missing)

The call so far:
    0.00  phone    the call begins: inbound, 493023125001 calls 493023125000
    0.00  event    session_start -> 200 in 1 ms
    0.00  agent    speak "Hello"
    0.00  event    assistant_speak -> 204 in 1 ms
    0.40  heard    "Hello", to its end after 0.4 s
    0.40  event    assistant_speech_ended -> 204 in 1 ms
    0.40  caller   "hi"
    1.30  event    user_speak "hi" -> 204 in 1 ms"""
    )


def test_a_success_is_one_line() -> None:
    assert str(play(answers(), {"user": "hi"})) == "passed: a call"


def test_the_json_has_the_same_and_the_transcript() -> None:
    result = play(answers(session_start={"type": "hm"}), {"expect": [{"speak": {}}]})
    told = json.loads(json.dumps(result.to_json()))

    assert (told["name"], told["passed"], told["failures"]) == ("a call", False, result.failures)
    assert [problem["code"] for problem in told["problems"]] == ["not_an_action"]
    assert [entry["kind"] for entry in told["transcript"]] == [
        "note",
        "event",
        "answer",
        "problem",
    ]
