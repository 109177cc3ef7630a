"""Comparison of expected and actual actions."""

import pytest

from aiflow.protocol.actions import ACTION_TYPES, Action
from aiflow_local.simulator.scenarios.matcher import mismatches
from aiflow_local.simulator.scenarios.scenario import Step
from tests.unit.local.simulator.fake_bots import SECOND, TRANSFER, Json, act, say


def differences(expected: list[object], *came: Json) -> list[str]:
    """Return how actions differ from the expected ones."""
    step = Step.model_validate({"expect": expected})
    return mismatches(step.expect or [], [model(action) for action in came])


def model(action: Json) -> Action:
    """Return an action."""
    return ACTION_TYPES[action["type"]].model_validate({"session_id": "s", **action})


def test_equal_actions_are_no_difference() -> None:
    assert differences([{"speak": {}}, {"hangup": {}}], say("a"), act("hangup")) == []
    assert differences([]) == []


@pytest.mark.parametrize(
    "members",
    [
        {"text": "Good morning, Ada"},
        {"contains": "morning"},
        {"contains": "Good  morning,\nAda"},
        {"matches": "^Good"},
        {"matches": r"(?i)good \w+, ada$"},
        {"contains": "Ada", "matches": "m.r"},
        {"user_input_timeout_seconds": 8},
        {"barge_in": {"strategy": "immediate"}},
        {"barge_in": {}},
        {"tts": {"provider": "azure", "language": "de-DE"}},
    ],
)
def test_any_member_may_be_expected_and_words_in_what_is_spoken(members: Json) -> None:
    came = say(
        "Good morning, Ada",
        user_input_timeout_seconds=8,
        barge_in={"strategy": "immediate", "allow_after_ms": 100},
        tts={"provider": "azure", "language": "de-DE", "voice": "de-DE-KatjaNeural"},
    )

    assert differences([{"speak": members}], came) == []


@pytest.mark.parametrize("members", [{"contains": "Good bye"}, {"matches": "^Good bye$"}])
def test_ssml_is_matched_by_its_words(members: Json) -> None:
    came = act("speak", ssml="<speak>Good <break/><emphasis>bye</emphasis></speak>")

    assert differences([{"speak": members}], came) == []


@pytest.mark.parametrize(
    ("expected", "came", "why"),
    [
        ({"speak": {}}, act("hangup"), "is hangup"),
        ({"speak": {"contains": "good"}}, say("Good"), "does not contain that"),
        ({"speak": {"matches": "^o"}}, say("Good"), "does not match that"),
        ({"speak": {"text": "Goo"}}, say("Good"), 'text is "Good", not "Goo"'),
        ({"speak": {"ssml": "<speak/>"}}, say("Good"), "ssml is absent"),
        ({"transfer": {"timeout": 20}}, TRANSFER | {"timeout": 30}, "timeout is 30, not 20"),
        (
            {"speak": {"barge_in": {"strategy": "none"}}},
            say("a", barge_in={"strategy": "manual"}),
            'barge_in.strategy is "manual", not "none"',
        ),
        (
            {"configure_transcription": {"languages": ["de-DE"]}},
            act("configure_transcription", languages=["de-DE", "en-US"]),
            "languages is ['de-DE', 'en-US'], not ['de-DE']",
        ),
    ],
)
def test_a_difference_is_described_in_words(expected: Json, came: Json, why: str) -> None:
    lines = differences([expected], came)

    assert [line[2] for line in lines] == ["-", "+"]
    assert lines[1].endswith(f"   ({why})")


def test_fewer_actions_are_a_difference() -> None:
    assert differences([{"speak": {}}, {"hangup": {}}], say("a")) == [
        '  = speak "a"',
        "  - hangup   (missing)",
    ]


def test_more_actions_are_a_difference() -> None:
    assert differences([{"speak": {}}], say("a"), act("hangup")) == [
        '  = speak "a"',
        "  + hangup   (not expected)",
    ]


def test_three_dots_allow_more_and_not_fewer() -> None:
    assert differences([{"speak": {}}, "..."], say("a")) == []
    assert differences([{"speak": {}}, "..."], say("a"), act("hangup"), say("b")) == []
    assert differences(["..."]) == []
    assert differences([{"speak": {}}, "..."]) == ["  - speak   (missing)"]


def test_what_three_dots_allow_is_shown_as_such() -> None:
    lines = differences([{"speak": {"text": "a"}}, "..."], act("barge_in"), say("a"), act("hangup"))

    assert lines == ["  + barge_in   (not expected)", '  = speak "a"', "  . hangup"]


def test_an_inserted_action_does_not_shift_the_others() -> None:
    lines = differences(
        [{"speak": {"contains": "one"}}, {"speak": {"contains": "two"}}, {"hangup": {}}],
        say("one"),
        act("barge_in"),
        say("two"),
        act("hangup"),
    )

    assert lines == [
        '  = speak "one"',
        "  + barge_in   (not expected)",
        '  = speak "two"',
        "  = hangup",
    ]


def test_a_missing_action_does_not_shift_the_others() -> None:
    lines = differences(
        [{"barge_in": {}}, {"speak": {}}, {"hangup": {}}], say("one"), act("hangup")
    )

    assert lines == ["  - barge_in   (missing)", '  = speak "one"', "  = hangup"]


def test_expected_and_actual_actions_are_shown_with_their_members() -> None:
    lines = differences([{"transfer": {"timeout": 20}}], TRANSFER)

    assert lines[0] == "  - transfer timeout=20"
    assert lines[1].startswith('  + transfer target_phone_number="493023125002"')


def test_a_sound_is_shown_without_its_base64() -> None:
    (line,) = differences([], act("audio", audio=SECOND))

    assert line == "  + audio audio=<sound of 1.0 s>   (not expected)"
