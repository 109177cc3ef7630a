import math
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from aiflow.errors import InvalidEvent
from aiflow.protocol.events import (
    EVENT_TYPES,
    AssistantSpeak,
    DtmfReceived,
    Event,
    Session,
    SessionStart,
    SmsFailed,
    UnknownEvent,
    UserSpeak,
    legacy_name,
    parse_event,
)
from tests.unit.protocol.samples import EVENTS, SESSION, event

EACH_TYPE = pytest.mark.parametrize("event_type", EVENTS)
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


def reason(data: dict[str, object]) -> str:
    with pytest.raises(InvalidEvent) as error:
        parse_event(data)
    return error.value.reason


def test_there_are_nine_event_types_and_each_is_in_the_union() -> None:
    assert list(EVENT_TYPES) == list(EVENTS)
    assert tuple(EVENT_TYPES.values()) == get_args(Event.__value__)


@EACH_TYPE
def test_each_event_is_parsed_with_all_its_members(event_type: str) -> None:
    parsed = parse_event(event(event_type))
    assert type(parsed) is EVENT_TYPES[event_type]
    assert parsed.model_dump() == event(event_type)


@EACH_TYPE
def test_an_event_needs_only_type_and_session_id(event_type: str) -> None:
    parsed = parse_event({"type": event_type, "session": {"id": "123"}})
    assert type(parsed) is EVENT_TYPES[event_type]
    assert parsed.session == Session(id="123")


@EACH_TYPE
def test_unknown_members_are_ignored(event_type: str) -> None:
    more = event(event_type, timestamp="now", nested={"a": [1]})
    more["session"] = {**SESSION, "flow": "new"}
    assert parse_event(more) == parse_event(event(event_type))


@given(
    event_type=st.sampled_from(sorted(EVENTS)),
    odd=ANYTHING,
    name=st.sampled_from(
        [
            "text",
            "transcript",
            "barged_in",
            "digit",
            "digits",
            "ssml",
            "duration_ms",
            "speech_started_at",
            "reason",
        ]
    ),
)
def test_an_invalid_member_does_not_reject_an_event(
    event_type: str, name: str, odd: object
) -> None:
    parsed = parse_event({"type": event_type, "session": SESSION, name: odd})
    assert type(parsed) is EVENT_TYPES[event_type]


@given(
    odd=ANYTHING,
    name=st.sampled_from(
        ["account_id", "phone_number", "direction", "from_phone_number", "to_phone_number"]
    ),
)
def test_an_invalid_member_of_the_session_does_not_reject_an_event(name: str, odd: object) -> None:
    parsed = parse_event({"type": "session_start", "session": {"id": "123", name: odd}})
    assert parsed.session.id == "123"


@pytest.mark.parametrize("odd", [None, ["Hello"], {"text": "Hello"}, True])
def test_a_text_of_another_type_counts_as_absent(odd: object) -> None:
    assert parse_event(event("user_speak", text=odd)) == parse_event(event("user_speak", text=""))


@pytest.mark.parametrize(
    ("said", "heard"),
    [
        ("Hello", "Hello"),
        ("", ""),
        (" \n", " \n"),
        (42, "42"),
        ("a\x00b\x1bc", "abc"),
        ("a\ud800b", "a\ufffdb"),
    ],
)
def test_texts_are_cleaned_of_control_characters(said: object, heard: str) -> None:
    match parse_event(event("user_speak", text=said)):
        case UserSpeak(text=text):
            assert text == heard
        case other:
            pytest.fail(f"arrived as {type(other).__name__}")


def test_user_speak_without_members_has_no_text_and_no_barge_in() -> None:
    parsed = parse_event({"type": "user_speak", "session": SESSION})
    assert parsed == UserSpeak(session=Session.model_validate(SESSION), text="", barged_in=False)


@pytest.mark.parametrize(
    ("odd", "barged_in"), [(True, True), ("true", True), (1, True), ("maybe", False), (None, False)]
)
def test_barged_in_is_read_from_several_notations(odd: object, barged_in: bool) -> None:  # noqa: FBT001 - a parametrized value
    parsed = parse_event(event("user_speak", barged_in=odd))
    assert isinstance(parsed, UserSpeak)
    assert parsed.barged_in is barged_in


def test_the_legacy_member_transcript_is_read_as_text() -> None:
    parsed = parse_event({"type": "user_speak", "session": SESSION, "transcript": "Hello"})
    assert isinstance(parsed, UserSpeak)
    assert parsed.text == "Hello"


@pytest.mark.parametrize(
    ("members", "heard"),
    [
        ({"type": "user_speak", "text": None, "transcript": "Hello"}, "Hello"),
        ({"type": "user_speak", "text": None, "transcript": None}, ""),
        ({"type": "user_barge_in", "text": None, "transcript": "Hello"}, "Hello"),
        ({"type": "dtmf_received", "digit": None, "digits": "1"}, "1"),
    ],
)
def test_the_legacy_member_is_read_if_the_current_one_is_null(
    members: dict[str, object], heard: str
) -> None:
    match parse_event({"session": SESSION, **members}):
        case UserSpeak(text=found) | DtmfReceived(digit=found):
            assert found == heard
        case other:
            pytest.fail(f"arrived as {type(other).__name__}")


@pytest.mark.parametrize(
    ("members", "older"),
    [
        ({"type": "user_speak", "transcript": "Hello"}, "transcript"),
        ({"type": "user_speak", "text": None, "transcript": "Hello"}, "transcript"),
        ({"type": "user_speak", "text": "Hello", "transcript": "Hello"}, None),
        ({"type": "user_speak", "transcript": None}, None),
        ({"type": "dtmf_received", "digits": "1"}, "digits"),
        ({"type": "user_barge_in", "transcript": "Hello"}, "user_barge_in"),
        ({"type": "session_start", "transcript": "Hello"}, None),
        ({"type": "invented_tomorrow"}, None),
    ],
)
def test_a_legacy_name_is_reported_only_if_it_is_used(
    members: dict[str, object], older: str | None
) -> None:
    assert legacy_name({"session": SESSION, **members}) == older


def test_the_current_member_has_precedence_over_the_legacy_one() -> None:
    parsed = parse_event(event("user_speak", text="new", transcript="old"))
    assert isinstance(parsed, UserSpeak)
    assert parsed.text == "new"


def test_the_legacy_member_digits_is_read_as_digit() -> None:
    parsed = parse_event({"type": "dtmf_received", "session": SESSION, "digits": "1"})
    assert isinstance(parsed, DtmfReceived)
    assert parsed.digit == "1"


@pytest.mark.parametrize(("members", "text"), [({"text": "Stop"}, "Stop"), ({}, "")])
def test_a_user_barge_in_event_is_parsed_as_user_speak_with_barged_in(
    members: dict[str, object], text: str
) -> None:
    parsed = parse_event({"type": "user_barge_in", "session": {"id": "123"}, **members})
    assert parsed == UserSpeak(session=Session(id="123"), text=text, barged_in=True)


@pytest.mark.parametrize(
    ("given", "read"),
    [
        *((0, 0), (1200, 1200), ("1200", 1200), (0.5, 0.5), (2**53, 2**53)),
        *((math.nan, None), ("inf", None), (10**400, None), (1e300, None), (-1, None)),
    ],
)
def test_a_duration_is_finite_or_absent(given: object, read: float | None) -> None:
    parsed = parse_event(event("assistant_speak", duration_ms=given))
    assert isinstance(parsed, AssistantSpeak)
    assert parsed.duration_ms == read


def test_the_reason_of_sms_failed_is_parsed() -> None:
    parsed = parse_event(event("sms_failed"))
    assert isinstance(parsed, SmsFailed)
    assert parsed.reason == "unreachable"


@pytest.mark.parametrize("number", ["493023125001", "+493023125001", "", "anonymous"])
def test_phone_numbers_are_unchanged(number: str) -> None:
    parsed = parse_event(
        {"type": "session_start", "session": {"id": "1", "from_phone_number": number}}
    )
    assert parsed.session.from_phone_number == number


def test_an_unknown_direction_counts_as_absent() -> None:
    parsed = parse_event({"type": "session_start", "session": {"id": "1", "direction": "sideways"}})
    assert parsed.session.direction is None


@pytest.mark.parametrize(
    "name", ["call_recorded", "", "SESSION_START", "session_start ", "__init__"]
)
def test_an_unknown_event_type_is_not_an_error(name: str) -> None:
    parsed = parse_event({"type": name, "session": SESSION, "text": "Hello"})
    assert parsed == UnknownEvent(session=Session.model_validate(SESSION), type=name)


def test_the_type_of_an_unknown_event_is_cleaned() -> None:
    parsed = parse_event({"type": "new\x00\ud800", "session": SESSION})
    assert parsed.type == "new\ufffd"


@pytest.mark.parametrize("odd", [None, 5, True, ["session_start"], {"a": 1}, b"session_start"])
def test_a_type_that_is_not_a_string_is_rejected(odd: object) -> None:
    assert reason({"type": odd, "session": SESSION}) == "bad_type"
    assert reason({"session": SESSION}) == "bad_type"


@pytest.mark.parametrize("session_id", ["session-123", "123", "x" * 256, "a/b#c d", "Ünïcode", " "])
def test_a_session_id_is_opaque(session_id: str) -> None:
    parsed = parse_event({"type": "session_end", "session": {"id": session_id}})
    assert parsed.session.id == session_id


@pytest.mark.parametrize("event_type", ["session_start", "call_recorded"])
@pytest.mark.parametrize(
    "session",
    [
        None,
        [],
        ["123"],
        "123",
        5,
        {},
        {"id": None},
        {"id": ""},
        {"id": 123},
        {"id": True},
        {"id": ["123"]},
        {"id": b"123"},
        {"id": "x" * 257},
        {"id": "x" * 1_000_000},
        {"id": "a\x00b"},
        {"id": "123\n"},
        {"id": "a\x7fb"},
        {"id": "a\x85b"},
        {"id": "a\ud800b"},
        {"session_id": "123"},
    ],
)
def test_an_event_with_an_invalid_session_id_is_rejected(event_type: str, session: object) -> None:
    assert reason({"type": event_type, "session": session}) == "bad_session"


def test_an_event_without_a_session_is_rejected() -> None:
    assert reason({"type": "session_start"}) == "bad_session"


def test_the_error_names_the_limits_and_not_the_value() -> None:
    with pytest.raises(InvalidEvent) as error:
        parse_event({"type": "session_start", "session": {"id": "secret\x00"}})
    assert "1 to 256 characters" in str(error.value)
    assert "secret" not in str(error.value)


def test_a_deeply_nested_member_is_ignored() -> None:
    deep: list[object] = []
    for _ in range(100_000):
        deep = [deep]
    parsed = parse_event(event("user_speak", text=deep, other=deep))
    assert parsed == parse_event(event("user_speak", text=""))


def test_events_are_frozen() -> None:
    parsed = parse_event(event("session_start"))
    for attribute in ("session", "type"):
        with pytest.raises(ValidationError, match="frozen"):
            setattr(parsed, attribute, "other")


def test_events_can_be_created_in_tests_of_handlers() -> None:
    session = Session(id="123", from_phone_number="493023125001")
    assert SessionStart(session=session).session.from_phone_number == "493023125001"
    assert DtmfReceived(session=session, digit="1").digit == "1"
