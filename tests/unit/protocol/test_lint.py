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
def test_an_event_of_the_protocol_has_no_problem(event_type: str) -> None:
    assert lint_event(event(event_type)) == []
    assert lint_event(event(event_type, timestamp="unknown members are no problem")) == []


@pytest.mark.parametrize("data", [None, [], "session_start", 5, [event("session_start")]])
def test_an_event_is_an_object(data: object) -> None:
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
def test_an_odd_event_has_one_problem(data: object, expected: tuple[str, str, str]) -> None:
    assert codes(lint_event(data)) == [expected]


# Actions


@pytest.mark.parametrize(("action_type", "data"), GOOD)
def test_what_the_protocol_allows_is_no_error(action_type: str, data: Json) -> None:
    found = {(problem.severity, problem.code) for problem in lint_answer(data, "123")}
    assert found <= {("warning", "no_op"), ("warning", "older_voice")}, action_type


@pytest.mark.parametrize(("action_type", "changes", "path", "message"), BAD)
def test_what_the_models_refuse_is_an_error_with_its_place_and_its_range(
    action_type: str, changes: Json, path: str, message: str
) -> None:
    found = lint_answer([HANGUP, action(action_type, changes)])
    assert [problem.path for problem in found if problem.severity == "error"] == [f"/1{path}"]
    assert message in str(next(problem for problem in found if problem.severity == "error"))


@pytest.mark.parametrize("number", ["+12025550123", "12025550123"])
def test_a_plus_is_no_problem(number: str) -> None:
    assert lint_answer(action("send_sms", {"phone_number": number})) == []
    assert lint_answer(action("transfer", {"target_phone_number": number})) == []


@pytest.mark.parametrize("action_type", LEAST)
def test_an_action_without_its_session_is_an_error_of_its_own(action_type: str) -> None:
    data = {name: value for name, value in action(action_type).items() if name != "session_id"}
    found = [problem for problem in lint_answer(data) if problem.severity == "error"]
    assert codes(found) == [("error", "missing_session_id", "/session_id")]


@pytest.mark.parametrize("text", ["{{session_id}}", "{{ $json.session.id }}", "x{{a"])
def test_a_template_that_nobody_filled_in_is_an_error(text: str) -> None:
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
def test_what_is_no_action_is_an_error(data: object) -> None:
    assert [code for _, code, _ in codes(lint_answer(data))] == ["not_an_action"]
    assert [code for _, code, _ in codes(lint_answer([data]))] == ["not_an_action"]


def test_lists_in_lists_are_no_actions() -> None:
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
def test_null_is_nothing_that_the_protocol_knows(data: Json, path: str) -> None:
    assert codes(lint_answer(data)) == [("error", "null_member", path)]


def test_null_deep_in_an_older_voice_is_found_too() -> None:
    tts: Json = {"provider": "eleven_labs", "voice": {"id": "x", "name": None}}
    found = codes(lint_answer(action("speak", {"tts": tts})))
    assert ("error", "null_member", "/tts/voice/name") in found


def test_null_where_something_is_needed_is_told_once() -> None:
    assert codes(lint_answer(action("send_sms", {"message": None}))) == [
        ("error", "invalid_value", "/message")
    ]


def test_every_problem_of_an_answer_is_told() -> None:
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
def test_a_path_is_fit_for_a_terminal_whatever_a_member_is_called(name: str, path: str) -> None:
    assert [problem.path for problem in lint_answer({**HANGUP, name: 1})] == [path]


@pytest.mark.parametrize("name", [None, ("a",), 1.5, "a\ud800"])
def test_a_member_with_an_impossible_name_is_an_error(name: str) -> None:
    found = lint_answer({**HANGUP, name: 1})
    assert codes(found) == [("error", "invalid_value", "")]
    str(found[0]).encode()


@pytest.mark.parametrize("name", [None, ("a",), 1.5, "a\ud800"])
def test_null_under_an_impossible_name_has_a_path_fit_for_a_terminal(name: str) -> None:
    found = lint_answer({**HANGUP, name: None})
    assert [problem.code for problem in found] == ["invalid_value", "null_member"]
    assert all(str(problem).encode() for problem in found)


# What actions are together


@pytest.mark.parametrize("end", [HANGUP, TRANSFER])
@pytest.mark.parametrize("playback", [SPEAK, action("audio")])
def test_to_end_a_call_behind_a_playback_cuts_it_off(playback: Json, end: Json) -> None:
    assert codes(lint_answer([playback, end])) == [("warning", "cut_off", "/1")]
    assert codes(lint_answer([playback, action("send_sms"), end])) == [("warning", "cut_off", "/2")]
    assert lint_answer([action("barge_in"), end]) == []


def test_a_playback_that_is_no_action_cuts_off_nothing() -> None:
    found = codes(lint_answer([{"type": "speak"}, HANGUP]))
    assert [code for _, code, _ in found] == ["missing_session_id"]


def test_what_comes_after_the_end_of_the_call_is_never_reached() -> None:
    assert codes(lint_answer([HANGUP, SPEAK])) == [("warning", "unreachable", "/1")]
    assert codes(lint_answer([HANGUP, SPEAK, action("send_sms")]))[1:] == [
        ("warning", "unreachable", "/2")
    ]
    assert lint_answer([TRANSFER, SPEAK]) == []


@pytest.mark.parametrize(("answer", "path"), [([VOICE, SPEAK], "/1"), ([SPEAK, VOICE], "/0")])
def test_to_speak_beside_voice_to_voice_is_likely_a_mistake(answer: list[Json], path: str) -> None:
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
def test_what_is_legal_but_odd_is_a_warning(data: Json, code: str, path: str) -> None:
    assert codes(lint_answer(data)) == [("warning", code, path)]
    assert codes(lint_answer([data])) == [("warning", code, f"/0{path}")]


@pytest.mark.parametrize("barge_in", [{}, {"strategy": "minimum_characters"}])
def test_the_minimum_is_read_where_the_strategy_is_the_default(barge_in: Json) -> None:
    assert lint_answer(action("speak", {"barge_in": {**barge_in, "minimum_characters": 3}})) == []


def test_an_empty_array_is_a_warning() -> None:
    assert codes(lint_answer([])) == [("warning", "empty_array", "")]


def test_models_are_judged_for_what_they_are_together() -> None:
    speak, hangup = Speak(session_id="1", text="Goodbye"), Hangup(session_id="1")
    assert codes(lint_actions([speak, hangup])) == [("warning", "cut_off", "/1")]
    assert lint_actions([speak.then(hangup)]) == []
    assert lint_actions([]) == []


@given(st.lists(st.sampled_from([data for _, data in GOOD]), min_size=1))
def test_models_and_their_json_are_judged_alike(answer: list[Json]) -> None:
    models: list[Action] = [ACTION_TYPES[str(data["type"])].model_validate(data) for data in answer]
    assert lint_answer(answer) == lint_actions(models)


# HTTP answers


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
def test_a_good_http_answer_has_no_problem(response: object) -> None:
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
def test_the_body_of_a_200_is_an_action(body: object, expected: tuple[str, str, str]) -> None:
    response = {"status": 200, "headers": JSON_HEADERS, "body": body}
    assert codes(lint_response(response, "123")) == [expected]


@pytest.mark.parametrize("status", [201, 202, 301, 400, 500, None, "200", [200], True, 200.5])
def test_an_event_is_answered_with_200_or_204(status: object) -> None:
    assert codes(lint_response({"status": status, "body": SPEAK})) == [
        ("error", "bad_status", "/status")
    ]


def test_a_status_that_is_none_of_them_is_told_and_why_a_redirect_is_none() -> None:
    told = [lint_response({"status": status})[0].message for status in (500, 302, "200")]
    assert told == [
        "is 500, but must be 200 (actions) or 204 (nothing to do)",
        "is 302, but must be 200 (actions) or 204 (nothing to do); redirects are not followed",
        "must be 200 (actions) or 204 (nothing to do)",
    ]


@pytest.mark.parametrize("body", [SPEAK, "Hello", [], "{}"])
def test_the_body_of_a_204_is_not_read(body: object) -> None:
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
def test_an_answer_says_that_it_is_json(headers: object) -> None:
    assert codes(lint_response({"status": 200, "headers": headers, "body": SPEAK})) == [
        ("warning", "content_type", "/headers")
    ]


@pytest.mark.parametrize("data", [None, [], "204", 204, OrderedDict[str, int]()])
def test_what_is_no_http_answer_is_an_error(data: object) -> None:
    assert [problem.severity for problem in lint_response(data)] == ["error"]


# Whatever it is given


class Hostile:
    """Answers every question with an exception."""

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
def test_nothing_makes_lint_raise(data: object) -> None:
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


def test_nesting_without_end_does_not_make_lint_raise() -> None:
    deep: object = "x"
    for depth in range(200_000):
        deep = [deep] if depth % 2 else {"tts": deep}
    assert codes(lint_event(deep)) == [("error", "not_object", "")]
    assert [code for _, code, _ in codes(lint_answer(deep))] == ["not_an_action"]
    for name in ("text", "tts", "barge_in", "vad", "other"):
        assert [path for _, _, path in codes(lint_answer({**SPEAK, name: deep}))] == [f"/{name}"]
    tts = {"provider": "eleven_labs", "voice": {"id": deep}}
    assert [path for _, _, path in codes(lint_answer({**SPEAK, "tts": tts}))] == ["/tts/voice/id"]


def test_a_problem_is_readable() -> None:
    problem = lint_answer({"type": "hangup"})[0]
    assert str(problem) == "/session_id is missing [missing_session_id]"
    assert str(lint_answer(None)[0]).startswith("/ must be an action")
