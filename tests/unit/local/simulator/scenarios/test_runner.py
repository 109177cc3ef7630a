from typing import Any

import pytest

from aiflow_local.simulator.engine.clock import Clock
from aiflow_local.simulator.scenarios.runner import ScenarioResult, ScenarioRunner
from aiflow_local.simulator.scenarios.scenario import Scenario, load_scenarios
from tests.unit.local.simulator.fake_bots import (
    EXAMPLE,
    TRANSFER,
    Bot,
    Json,
    Reply,
    Script,
    act,
    answers,
    in_turn,
    ok,
    say,
)


def play(
    script: Script, turns: list[Json], outcome: Json | None = None, /, **members: object
) -> ScenarioResult:
    """Play a scenario with a bot."""
    scenario = Scenario.model_validate(
        {"name": "a call", "turns": turns, "finally": outcome or {}, **members}
    )
    return ScenarioRunner(scenario, Bot(script), Clock()).play()


class Shop:
    """A bot for the example, with an optional mistake."""

    def __init__(self) -> None:
        self.welcome = "Welcome to the shop"
        self.state: dict[str, Any] = {"turns": 0}
        self._starts = 0
        self._due: Reply = None

    def __call__(self, event: Json) -> Reply:
        match event["type"]:
            case "session_start":
                self._starts += 1
                lost = "Sorry, I could not reach anybody"
                return say(self.welcome if self._starts == 1 else lost)
            case "user_speak":
                self.state["turns"] += 1
                if "person" in event["text"]:
                    self._due = TRANSFER | {"target_phone_number": "+492111234567", "timeout": 30}
                return say("One moment")
            case "assistant_speech_ended":
                due, self._due = self._due, None
                return due
            case "dtmf_received":
                return say("Fine", user_input_timeout_seconds=6) if event["digit"] == "#" else None
            case "user_input_timeout":
                return say("Are you still there?")
            case _:
                return None


def play_example(shop: Shop) -> ScenarioResult:
    """Play the example of the documentation with a bot."""
    (scenario,) = load_scenarios(EXAMPLE)
    return ScenarioRunner(scenario, Bot(shop), Clock(), lambda _: shop.state).play()


def test_the_example_of_the_documentation_passes_with_a_correct_bot() -> None:
    result = play_example(Shop())

    assert (result.failures, result.skipped, result.passed) == ([], [], True)
    assert result.call.is_over


def test_the_example_fails_with_a_wrong_bot() -> None:
    shop = Shop()
    shop.welcome = "Hello"
    result = play_example(shop)

    assert not result.passed
    (failure,) = result.failures
    assert failure.split("\n") == [
        "step 1, line 6 (the next answer): the actions differ from the expected ones",
        '  - speak contains="Welcome"',
        '  + speak "Hello"   (does not contain that)',
    ]


HELLO = answers(session_start=say("Hello"))


def test_a_step_without_the_caller_waits_for_the_next_answer() -> None:
    asks = answers(
        session_start=say("Name?", user_input_timeout_seconds=60),
        user_input_timeout=say("Still there?"),
    )
    result = play(
        asks, [{"expect": [{"speak": {}}]}, {"expect": [{"speak": {"contains": "Still"}}]}]
    )

    assert result.passed, result


def test_a_step_without_the_caller_and_without_expectations_waits_too() -> None:
    asks = answers(
        session_start=say("Name?", user_input_timeout_seconds=60),
        user_input_timeout=[say("Still there?"), act("hangup")],
    )
    result = play(asks, [{}, {}], {"ended": True})

    assert result.passed, result


def test_the_wait_for_a_missing_answer_ends_when_the_call_is_idle() -> None:
    result = play(answers(), [{"expect": [{"speak": {}}]}])

    (failure,) = result.failures
    assert failure.split("\n") == [
        "step 1 (the next answer): the actions differ from the expected ones",
        "  - speak   (missing)",
    ]
    assert result.call.clock.now_ms == 0


def test_what_follows_the_end_of_a_speech_belongs_to_the_step() -> None:
    goes = in_turn(say("Goodbye"), None, act("hangup"))

    assert play(goes, [{"expect": [{"speak": {}}, {"hangup": {}}]}], {"ended": True}).passed


def test_what_comes_after_the_last_step_belongs_to_it() -> None:
    more = answers(session_start=say("Hello"), user_speak=[say("One"), say("Two")])
    result = play(more, [{"user": "hi", "expect": [{"speak": {}}]}])

    assert '+ speak "Two"   (not expected)' in result.failures[0]


def test_actions_before_the_first_step_of_the_caller_are_not_checked() -> None:
    echo = answers(session_start=say("Hello"), user_speak=say("You too"))

    assert play(echo, [{"user": "hi", "expect": [{"speak": {"text": "You too"}}]}]).passed


def test_a_step_without_expectations_is_not_checked() -> None:
    assert play(HELLO, [{}, {"user": "hi"}]).passed


def test_a_step_that_expects_silence_fails_when_there_is_none() -> None:
    assert not play(HELLO, [{"expect": []}]).passed
    assert play(HELLO, [{}, {"user": "hi", "expect": []}]).passed


def test_before_the_caller_speaks_the_agent_is_heard_to_its_end() -> None:
    result = play(HELLO, [{}, {"user": "hi"}])

    assert result.call.heard == ["Hello"]


def test_before_the_caller_interrupts_what_is_expected_may_come() -> None:
    talks = answers(
        session_start=say("One"),
        assistant_speech_ended=in_turn(say("two three four five six"), None),
    )
    result = play(
        talks,
        [
            {"expect": [{"speak": {}}, {"speak": {}}]},
            {"interrupt": {"after_ms": 800, "with": "Stop it"}, "expect": []},
        ],
    )

    assert result.passed, result
    assert result.call.heard == ["One", "two three four"]


def test_an_interruption_without_a_playback_is_a_failure() -> None:
    result = play(HELLO, [{}, {"interrupt": {"after_ms": 5000, "with": "Stop"}}])

    assert result.failures == [
        'step 2 (interrupt with="Stop" after_ms=5000): the agent was no longer speaking'
    ]


def test_failures_are_reported_step_by_step() -> None:
    result = play(HELLO, [{"expect": []}, {"interrupt": {"after_ms": 5000, "with": "Stop"}}])

    first, second = result.failures
    assert first.startswith("step 1 (the next answer)")
    assert second.startswith("step 2 (interrupt")


def test_keys_may_be_pressed_during_a_playback() -> None:
    talks = answers(session_start=say("one two three four"), dtmf_received=act("barge_in"))
    result = play(
        talks,
        [{}, {"keys": {"press": "1", "after_ms": 800}, "expect": [{"barge_in": {}}]}],
    )

    assert result.passed, result
    assert result.call.heard == ["one two"]


def test_keys_are_pressed_one_by_one() -> None:
    counts = answers(dtmf_received=lambda event: say(f"Key {event['digit']}"))
    expect = [{"speak": {"text": f"Key {key}"}} for key in "12#"]

    assert play(counts, [{"keys": "12#", "expect": expect}]).passed


def test_steps_after_the_end_of_the_call_fail() -> None:
    result = play(
        answers(session_start=act("hangup")), [{}, {"user": "hello?"}, {"keys": "1"}, {"user": "?"}]
    )

    assert result.failures == [
        'step 2 (user "hello?"): the call is over: this step and later ones are not played'
    ]


def test_a_hangup_after_the_end_of_the_call_is_no_failure() -> None:
    assert play(answers(session_start=act("hangup")), [{}, {"hangup": True}]).passed


@pytest.mark.parametrize(("problems", "passed"), [(None, False), (0, False), (1, True), (2, False)])
def test_protocol_errors_fail_a_scenario_unless_they_are_expected(
    problems: int | None, *, passed: bool
) -> None:
    outcome = {} if problems is None else {"problems": problems}
    result = play(answers(session_start=ok("<html>")), [{"hangup": True}], outcome)

    assert result.passed is passed
    if not passed:
        assert result.failures[0].startswith("finally: there are 1 protocol errors, not ")
        assert "[not_json]" in result.failures[0]


def test_warnings_fail_no_scenario() -> None:
    result = play(answers(session_start=[say("Bye"), act("hangup")]), [{}])

    assert result.call.problems[0].code == "cut_off"
    assert result.passed


@pytest.mark.parametrize(
    ("script", "outcome", "failure"),
    [
        (HELLO, {"ended": False}, None),
        (HELLO, {"ended": True}, "finally: the call is not over, unexpectedly"),
        (answers(session_start=act("hangup")), {"ended": True}, None),
        (
            answers(session_start=act("hangup")),
            {"ended": False},
            "finally: the call is over, unexpectedly",
        ),
        (answers(session_start=ok("[]", ms=400)), {"within_ms": 400}, None),
        (
            answers(session_start=ok("[]", ms=400)),
            {"within_ms": 399.5},
            "finally: an answer took 400 ms, over 399.5 ms",
        ),
    ],
)
def test_the_outcome_is_checked(script: Script, outcome: Json, failure: str | None) -> None:
    assert play(script, [{}], outcome).failures == ([failure] if failure else [])


@pytest.mark.parametrize(
    ("state", "failure"),
    [
        ({"turns": 2, "name": {"first": "Ada", "last": "L"}, "more": 1}, None),
        ({"name": {"first": "Ada"}}, "finally: state.turns is absent"),
        ({"turns": 3, "name": {"first": "Ada"}}, "finally: state.turns is 3, not 2"),
        ({"turns": 2, "name": {"first": "B"}}, 'finally: state.name.first is "B", not "Ada"'),
        ({"turns": 2, "name": "Ada"}, "finally: state.name is \"Ada\", not {'first': 'Ada'}"),
    ],
)
def test_the_state_has_the_members_that_are_expected(
    state: dict[str, Any], failure: str | None
) -> None:
    scenario = Scenario.model_validate(
        {
            "name": "a call",
            "session": "s-1",
            "turns": [{}],
            "finally": {"state": {"turns": 2, "name": {"first": "Ada"}}},
        }
    )
    states = {"s-1": state}
    result = ScenarioRunner(scenario, Bot(HELLO), Clock(), states.__getitem__).play()

    assert result.failures == ([failure] if failure else [])


def test_an_inaccessible_state_is_reported_as_skipped() -> None:
    result = play(HELLO, [{}], {"state": {"turns": 2}})

    assert result.passed
    assert result.skipped == ["finally: state is not accessible"]
    assert "not checked: finally: state" in str(result)


def test_the_parties_are_those_of_the_scenario() -> None:
    given = {"numbers": "plus"}
    number = {"to": "493023125002", "from": "", "session": "s-1"}
    result = play(HELLO, [{}], None, direction="outbound", given=given, **number)

    assert result.call.parties.as_session(result.call.options) == {
        "id": "s-1",
        "account_id": "account-123",
        "phone_number": "+493023125002",
        "direction": "outbound",
        "from_phone_number": "",
        "to_phone_number": "+493023125002",
    }


def test_a_bot_that_never_stops_does_not_keep_a_scenario_from_its_end() -> None:
    result = play(lambda _: say("And on"), [{}, {"user": "May I"}, {"user": "Please"}])

    assert result.call.is_over
    assert result.failures[0].startswith('step 2 (user "May I"): the call is over')
    assert "[endless]" in result.failures[1]
