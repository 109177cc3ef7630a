import json
import math
from collections import OrderedDict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiflow.protocol.actions import ACTION_TYPES, Action, Hangup, Speak
from aiflow.protocol.lint import (
    Diagnostic,
    lint_actions,
    lint_answer,
    lint_event,
    lint_response,
)
from tests.unit.protocol.samples import (
    AUDIO,
    BAD,
    EVENTS,
    GOOD,
    LEAST,
    SESSION,
    Json,
    action,
    event,
)

JSON_HEADERS = {"Content-Type": "application/json; charset=utf-8"}
SPEAK, HANGUP, TRANSFER = action("speak"), action("hangup"), action("transfer")
VOICE = action("configure_voice_to_voice")


def codes(problems: list[Diagnostic]) -> list[tuple[str, str, str]]:
    return [(problem.severity, problem.code, problem.path) for problem in problems]


ODD_TYPES: list[object] = [None, [], {}, 5, "", "SPEAK"]

# Events


@pytest.mark.parametrize("event_type", EVENTS)
def test_a_valid_event_has_no_diagnostics(event_type: str) -> None:
    assert lint_event(event(event_type)) == []
    assert lint_event(event(event_type, timestamp="unknown members are no problem")) == []


@pytest.mark.parametrize("data", [None, [], "session_start", 5, [event("session_start")]])
def test_an_event_must_be_an_object(data: object) -> None:
    assert codes(lint_event(data)) == [("error", "not_object", "")]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({}, ("error", "bad_type", "/type")),
        ({"type": ["session_start"], "session": SESSION}, ("error", "bad_type", "/type")),
        ({"type": "session_start"}, ("error", "bad_session", "/session/id")),
        ({"type": "new", "session": {"id": ""}}, ("error", "bad_session", "/session/id")),
        ({"type": "new", "session": SESSION}, ("warning", "unknown_event", "/type")),
        ({"type": "transcript", "session": SESSION}, ("warning", "unknown_event", "/type")),
        ({"type": "user_barge_in", "session": SESSION}, ("warning", "legacy_name", "/type")),
        (
            {"type": "user_speak", "session": SESSION, "transcript": "Hello"},
            ("warning", "legacy_name", "/transcript"),
        ),
        (
            {"type": "dtmf_received", "session": SESSION, "digits": "1"},
            ("warning", "legacy_name", "/digits"),
        ),
        *(
            (event("dtmf_received", digit=digit), ("warning", "odd_digit", "/digit"))
            for digit in ("A", "", "12", 1, None, ["1"], {"1": 1})
        ),
        ({"type": "dtmf_received", "session": SESSION}, ("warning", "odd_digit", "/digit")),
    ],
)
def test_an_invalid_or_unusual_event_has_one_diagnostic(
    data: object, expected: tuple[str, str, str]
) -> None:
    assert codes(lint_event(data)) == [expected]


# Actions


@pytest.mark.parametrize(("action_type", "data"), GOOD)
def test_a_valid_action_has_no_errors(action_type: str, data: Json) -> None:
    found = {(problem.severity, problem.code) for problem in lint_answer(data, "123")}
    assert found <= {("warning", "no_op"), ("warning", "older_voice")}, action_type


@pytest.mark.parametrize(("action_type", "changes", "path", "message"), BAD)
def test_an_invalid_action_has_an_error_with_path_and_limits(
    action_type: str, changes: Json, path: str, message: str
) -> None:
    found = lint_answer([HANGUP, action(action_type, changes)])
    assert [problem.path for problem in found if problem.severity == "error"] == [f"/1{path}"]
    assert message in str(next(problem for problem in found if problem.severity == "error"))


@pytest.mark.parametrize("number", ["+12025550123", "12025550123"])
def test_a_number_may_have_a_plus(number: str) -> None:
    assert lint_answer(action("send_sms", {"phone_number": number})) == []
    assert lint_answer(action("transfer", {"target_phone_number": number})) == []


@pytest.mark.parametrize("action_type", LEAST)
def test_a_missing_session_id_has_its_own_code(action_type: str) -> None:
    data = {name: value for name, value in action(action_type).items() if name != "session_id"}
    found = [problem for problem in lint_answer(data) if problem.severity == "error"]
    assert codes(found) == [("error", "missing_session_id", "/session_id")]


@pytest.mark.parametrize("text", ["{{session_id}}", "{{ $json.session.id }}", "x{{a"])
def test_a_template_placeholder_as_session_id_is_an_error(text: str) -> None:
    template = {**HANGUP, "session_id": text}
    expected = [("error", "template_session_id", "/session_id")]
    assert codes(lint_answer(template)) == codes(lint_answer(template, "123")) == expected


def test_an_action_for_another_session_is_an_error() -> None:
    foreign = [HANGUP, {**HANGUP, "session_id": "999"}]
    found = [problem for problem in lint_answer(foreign, "123") if problem.severity == "error"]
    assert codes(found) == [("error", "foreign_session_id", "/1/session_id")]


@pytest.mark.parametrize(
    "data",
    [{"success": True}, {}, None, "Hello", 5, True, math.nan, ("speak",), b"{}", {"type": "talk"}]
    + [{"type": odd, "session_id": "1"} for odd in ODD_TYPES],
)
def test_an_item_that_is_not_an_action_is_an_error(data: object) -> None:
    assert [code for _, code, _ in codes(lint_answer(data))] == ["not_an_action"]
    assert [code for _, code, _ in codes(lint_answer([data]))] == ["not_an_action"]


def test_a_nested_list_is_not_an_action() -> None:
    assert codes(lint_answer([[HANGUP]])) == [("error", "not_an_action", "/0")]


@pytest.mark.parametrize(
    ("data", "path"),
    [
        (action("speak", {"tts": None}), "/tts"),
        (action("speak", {"ssml": None}), "/ssml"),
        (action("speak", {"barge_in": {"strategy": None}}), "/barge_in/strategy"),
        (action("speak", {"tts": {"provider": "azure", "voice": None}}), "/tts/voice"),
        (action("transfer", {"timeout": None}), "/timeout"),
        (action("mix_audio", {"stop": None}), "/stop"),
    ],
)
def test_a_null_member_is_an_error(data: Json, path: str) -> None:
    assert codes(lint_answer(data)) == [("error", "null_member", path)]


def test_null_in_a_legacy_voice_is_an_error() -> None:
    tts: Json = {"provider": "eleven_labs", "voice": {"id": "x", "name": None}}
    found = codes(lint_answer(action("speak", {"tts": tts})))
    assert ("error", "null_member", "/tts/voice/name") in found


def test_null_in_a_required_member_is_reported_once() -> None:
    assert codes(lint_answer(action("send_sms", {"message": None}))) == [
        ("error", "invalid_value", "/message")
    ]


def test_all_problems_of_an_answer_are_reported() -> None:
    answer = [
        action("speak", {"text": "", "speed": 2}),
        action("transfer", {"timeout": 4, "caller_id_name": " "}),
    ]
    assert codes(lint_answer(answer)) == [
        ("error", "invalid_value", "/0/text"),
        ("error", "unknown_member", "/0/speed"),
        ("error", "invalid_value", "/1/caller_id_name"),
        ("error", "invalid_value", "/1/timeout"),
    ]


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("a/b~c", "/a~1b~0c"),
        ("x" * 100, "/" + "x" * 64 + "…"),
        ("\x1b[31m\n\u202e", "/\ufffd[31m\ufffd\ufffd"),
        (5, "/5"),
    ],
)
def test_the_path_of_an_unprintable_member_name_is_printable(name: str, path: str) -> None:
    assert [problem.path for problem in lint_answer({**HANGUP, name: 1})] == [path]


@pytest.mark.parametrize("name", [None, ("a",), 1.5, "a\ud800"])
def test_a_member_with_an_invalid_name_is_an_error(name: str) -> None:
    found = lint_answer({**HANGUP, name: 1})
    assert codes(found) == [("error", "invalid_value", "")]
    str(found[0]).encode()


@pytest.mark.parametrize("name", [None, ("a",), 1.5, "a\ud800"])
def test_the_path_of_null_under_an_invalid_name_is_printable(name: str) -> None:
    found = lint_answer({**HANGUP, name: None})
    assert [problem.code for problem in found] == ["invalid_value", "null_member"]
    assert all(str(problem).encode() for problem in found)


# Combinations of actions


@pytest.mark.parametrize("end", [HANGUP, TRANSFER])
@pytest.mark.parametrize("playback", [SPEAK, action("audio")])
def test_a_hangup_or_transfer_after_a_playback_is_a_warning(playback: Json, end: Json) -> None:
    assert codes(lint_answer([playback, end])) == [("warning", "cut_off", "/1")]
    assert codes(lint_answer([playback, action("send_sms"), end])) == [("warning", "cut_off", "/2")]
    assert lint_answer([action("barge_in"), end]) == []


def test_an_invalid_playback_causes_no_cut_off_warning() -> None:
    found = codes(lint_answer([{"type": "speak"}, HANGUP]))
    assert [code for _, code, _ in found] == ["missing_session_id"]


def test_an_action_after_hangup_is_a_warning() -> None:
    assert codes(lint_answer([HANGUP, SPEAK])) == [("warning", "unreachable", "/1")]
    assert codes(lint_answer([HANGUP, SPEAK, action("send_sms")]))[1:] == [
        ("warning", "unreachable", "/2")
    ]
    assert lint_answer([TRANSFER, SPEAK]) == []


@pytest.mark.parametrize(("answer", "path"), [([VOICE, SPEAK], "/1"), ([SPEAK, VOICE], "/0")])
def test_speak_together_with_voice_to_voice_is_a_warning(answer: list[Json], path: str) -> None:
    assert codes(lint_answer(answer)) == [("warning", "speak_in_voice_to_voice", path)]


@pytest.mark.parametrize(
    ("data", "code", "path"),
    [
        (action("configure_transcription"), "no_op", ""),
        (
            action("speak", {"tts": {"provider": "eleven_labs", "voice": {"id": "x"}}}),
            "older_voice",
            "/tts/voice",
        ),
        (
            action("speak", {"barge_in": {"strategy": "none", "minimum_characters": 3}}),
            "ignored_option",
            "/barge_in/minimum_characters",
        ),
        (
            action("audio", {"barge_in": {"strategy": "immediate", "minimum_characters": 3}}),
            "ignored_option",
            "/barge_in/minimum_characters",
        ),
    ],
)
def test_a_valid_action_that_is_likely_a_mistake_is_a_warning(
    data: Json, code: str, path: str
) -> None:
    assert codes(lint_answer(data)) == [("warning", code, path)]
    assert codes(lint_answer([data])) == [("warning", code, f"/0{path}")]


@pytest.mark.parametrize("barge_in", [{}, {"strategy": "minimum_characters"}])
def test_minimum_characters_is_valid_with_the_default_strategy(barge_in: Json) -> None:
    assert lint_answer(action("speak", {"barge_in": {**barge_in, "minimum_characters": 3}})) == []


def test_an_empty_array_is_a_warning() -> None:
    assert codes(lint_answer([])) == [("warning", "empty_array", "")]


def test_the_combination_of_models_is_checked() -> None:
    speak, hangup = Speak(session_id="1", text="Goodbye"), Hangup(session_id="1")
    assert codes(lint_actions([speak, hangup])) == [("warning", "cut_off", "/1")]
    assert lint_actions([speak.then(hangup)]) == []
    assert lint_actions([]) == []


@given(st.lists(st.sampled_from([data for _, data in GOOD]), min_size=1))
def test_models_and_their_json_have_the_same_diagnostics(answer: list[Json]) -> None:
    models: list[Action] = [ACTION_TYPES[str(data["type"])].model_validate(data) for data in answer]
    assert lint_answer(answer) == lint_actions(models)


# HTTP responses


@pytest.mark.parametrize(
    "response",
    [
        {"status": 200, "headers": JSON_HEADERS, "body": json.dumps(SPEAK)},
        {"status": 200, "headers": {"content-type": "Application/JSON"}, "body": SPEAK},
        {"status": 200, "headers": {"X": "y", **JSON_HEADERS}, "body": [SPEAK, action("send_sms")]},
        {"status": 204, "headers": {}, "body": None},
        {"status": 204, "body": ""},
        {"status": 204},
    ],
)
def test_a_valid_response_has_no_diagnostics(response: object) -> None:
    assert lint_response(response, "123") == []


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (None, ("error", "empty_body", "/body")),
        ("", ("error", "empty_body", "/body")),
        (" \n", ("error", "empty_body", "/body")),
        ("OK", ("error", "not_json", "/body")),
        ("{" * 100_000, ("error", "not_json", "/body")),
        ('{"type": NaN}', ("error", "not_json", "/body")),
        ('{"type": "hangup", "type": "hangup"}', ("error", "not_json", "/body")),
        ("null", ("error", "not_an_action", "/body")),
        ('"Hello"', ("error", "not_an_action", "/body")),
        (b"{}", ("error", "not_an_action", "/body")),
        ('{"success": true}', ("error", "not_an_action", "/body/type")),
        ({"success": True}, ("error", "not_an_action", "/body/type")),
        ("[]", ("warning", "empty_array", "/body")),
        ([], ("warning", "empty_array", "/body")),
        ([{"type": "hangup"}], ("error", "missing_session_id", "/body/0/session_id")),
        ('{"type":"hangup","session_id":"9"}', ("error", "foreign_session_id", "/body/session_id")),
        ([SPEAK, HANGUP], ("warning", "cut_off", "/body/1")),
    ],
)
def test_the_body_of_a_200_must_be_an_action(body: object, expected: tuple[str, str, str]) -> None:
    response = {"status": 200, "headers": JSON_HEADERS, "body": body}
    assert codes(lint_response(response, "123")) == [expected]


@pytest.mark.parametrize("status", [201, 202, 301, 400, 500, None, "200", [200], True, 200.5])
def test_the_status_must_be_200_or_204(status: object) -> None:
    assert codes(lint_response({"status": status, "body": SPEAK})) == [
        ("error", "bad_status", "/status")
    ]


def test_the_message_for_a_wrong_status_explains_redirects() -> None:
    told = [lint_response({"status": status})[0].message for status in (500, 302, "200")]
    assert told == [
        "is 500, but must be 200 (actions) or 204 (nothing to do)",
        "is 302, but must be 200 (actions) or 204 (nothing to do); redirects are not followed",
        "must be 200 (actions) or 204 (nothing to do)",
    ]


@pytest.mark.parametrize("body", [SPEAK, "Hello", [], "{}"])
def test_the_body_of_a_204_is_a_warning(body: object) -> None:
    assert codes(lint_response({"status": 204, "body": body})) == [
        ("warning", "ignored_body", "/body")
    ]


@pytest.mark.parametrize(
    "headers",
    [
        None,
        {},
        [],
        {"content-type": "text/plain"},
        {"content-type": ["application/json"]},
        {"accept": "application/json"},
        {5: "application/json"},
    ],
)
def test_a_response_without_the_json_content_type_is_a_warning(headers: object) -> None:
    assert codes(lint_response({"status": 200, "headers": headers, "body": SPEAK})) == [
        ("warning", "content_type", "/headers")
    ]


@pytest.mark.parametrize("data", [None, [], "204", 204, OrderedDict[str, int]()])
def test_a_value_that_is_not_a_response_is_an_error(data: object) -> None:
    assert [problem.severity for problem in lint_response(data)] == ["error"]


# Arbitrary input


class Hostile:
    """Raises an exception from every method."""

    def __eq__(self, other: object) -> bool:
        raise ZeroDivisionError

    def __hash__(self) -> int:
        return 1

    def __str__(self) -> str:
        raise ZeroDivisionError

    def __repr__(self) -> str:
        raise ZeroDivisionError

    def __bool__(self) -> bool:
        raise ZeroDivisionError

    def __getattr__(self, name: str) -> object:
        raise ZeroDivisionError


_NAMES = sorted(
    {"type", "session_id", "session", "id", "digit", "digits", "status", "body", "headers"}
    | {"text", "ssml", "tts", "provider", "voice", "barge_in", "strategy", "vad", "languages"}
    | {"audio", "stop", "volume", "timeout", "content-type", "transcript", "custom_vocabulary"}
)
_LEAVES: st.SearchStrategy[object] = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(codec=None, exclude_categories=()))
    | st.binary()
    | st.builds(Hostile)
    | st.sampled_from([*LEAST, *EVENTS, "azure", "eleven_labs", "{{x}}", AUDIO, 200, 204])
)
_KEYS: st.SearchStrategy[object] = (
    st.sampled_from(_NAMES)
    | st.text(st.characters(codec=None, exclude_categories=()))
    | st.integers()
    | st.none()
    | st.binary()
    | st.tuples(st.integers())
)
ANYTHING: st.SearchStrategy[object] = st.recursive(
    _LEAVES, lambda inner: st.lists(inner) | st.dictionaries(_KEYS, inner), max_leaves=20
)


@st.composite
def almost_actions(draw: st.DrawFn) -> object:
    made: dict[object, object] = dict(action(draw(st.sampled_from(sorted(LEAST)))).items())
    return made | draw(st.dictionaries(_KEYS, ANYTHING, max_size=4))


@given(ANYTHING | almost_actions() | st.lists(almost_actions(), max_size=4))
def test_lint_never_raises(data: object) -> None:
    response = {"status": 200, "headers": data, "body": data}
    for problem in [
        *lint_event(data),
        *lint_answer(data, "123"),
        *lint_response(data),
        *lint_response(response),
        *lint_event({"type": "dtmf_received", "session": SESSION, "digit": data}),
    ]:
        assert str(problem).encode()
        assert problem.severity in {"error", "warning"}


def test_lint_does_not_raise_for_deeply_nested_input() -> None:
    deep: object = "x"
    for depth in range(200_000):
        deep = [deep] if depth % 2 else {"tts": deep}
    assert codes(lint_event(deep)) == [("error", "not_object", "")]
    assert [code for _, code, _ in codes(lint_answer(deep))] == ["not_an_action"]
    for name in ("text", "tts", "barge_in", "vad", "other"):
        assert [path for _, _, path in codes(lint_answer({**SPEAK, name: deep}))] == [f"/{name}"]
    tts = {"provider": "eleven_labs", "voice": {"id": deep}}
    assert [path for _, _, path in codes(lint_answer({**SPEAK, "tts": tts}))] == ["/tts/voice/id"]


def test_a_diagnostic_is_readable() -> None:
    problem = lint_answer({"type": "hangup"})[0]
    assert str(problem) == "/session_id is missing [missing_session_id]"
    assert str(lint_answer(None)[0]).startswith("/ must be an action")
