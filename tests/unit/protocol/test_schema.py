from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from pydantic import ValidationError

from aiflow.protocol.actions import ACTION_TYPES
from aiflow.protocol.events import EVENT_TYPES
from aiflow.protocol.lint import lint_answer
from aiflow.protocol.schema import action_schema, event_schema
from tests.unit.protocol.samples import BAD, EVENTS, GOOD, LEAST, SESSION, Json, action, event

ACTIONS = Draft202012Validator(action_schema())
EVENT = Draft202012Validator(event_schema())
EACH_SCHEMA = pytest.mark.parametrize("schema", [action_schema(), event_schema()])


def is_valid(validator: Draft202012Validator, data: Any) -> bool:  # noqa: ANN401 - JSON
    return validator.is_valid(data)  # pyright: ignore[reportUnknownMemberType] - untyped


def members(schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for title, definition in schema["$defs"].items():
        for name, member in definition["properties"].items():
            yield f"{title}.{name}", member


@EACH_SCHEMA
def test_the_schemas_are_valid_json_schema(schema: dict[str, Any]) -> None:
    Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"


@EACH_SCHEMA
def test_every_type_and_member_has_a_description(schema: dict[str, Any]) -> None:
    described = {title: bool(each.get("description")) for title, each in schema["$defs"].items()}
    described |= {name: bool(member.get("description")) for name, member in members(schema)}
    assert [name for name, is_described in described.items() if not is_described] == []


@pytest.mark.parametrize(
    ("schema", "types"), [(action_schema(), ACTION_TYPES), (event_schema(), EVENT_TYPES)]
)
def test_every_type_is_in_its_schema(schema: dict[str, Any], types: dict[str, type]) -> None:
    constants = [schema["$defs"][model.__name__]["properties"]["type"] for model in types.values()]
    assert [member["const"] for member in constants] == list(types)
    assert len(schema["oneOf"]) == len(types)


def test_actions_forbid_and_events_allow_unknown_members() -> None:
    closed = [each.get("additionalProperties") for each in action_schema()["$defs"].values()]
    opened = [each.get("additionalProperties") for each in event_schema()["$defs"].values()]
    assert set(closed) == {False}
    assert set(opened) == {None}


@pytest.mark.parametrize("event_type", EVENTS)
def test_complete_and_minimal_events_are_valid(event_type: str) -> None:
    assert is_valid(EVENT, event(event_type, more={"a": 1}))
    assert is_valid(EVENT, {"type": event_type, "session": {"id": "123"}})


@pytest.mark.parametrize(
    "data",
    [
        {"type": "session_start"},
        {"session": SESSION},
        {"type": "session_start", "session": {}},
        {"type": "session_start", "session": {"id": ""}},
        {"type": "session_start", "session": {"id": "x" * 257}},
        {"type": "session_start", "session": {"id": "a\x00b"}},
        {"type": "session_start", "session": {"id": 123}},
        {"type": "session_start", "session": {"id": "123", "direction": "sideways"}},
        {"type": "new", "session": SESSION},
        event("user_speak", text=5),
        event("dtmf_received", digit=5),
        [],
    ],
)
def test_a_value_that_is_not_an_event_is_invalid(data: object) -> None:
    assert not is_valid(EVENT, data)


@pytest.mark.parametrize(("action_type", "data"), GOOD)
def test_a_valid_action_is_valid_before_and_after_parsing(action_type: str, data: Json) -> None:
    assert is_valid(ACTIONS, data)
    assert is_valid(ACTIONS, ACTION_TYPES[action_type].model_validate(data).to_wire())


@pytest.mark.parametrize(("action_type", "changes", "path", "message"), BAD)
def test_an_action_that_the_models_reject_is_invalid(
    action_type: str, changes: Json, path: str, message: str
) -> None:
    assert not is_valid(ACTIONS, action(action_type, changes)), f"{path} {message}"


@pytest.mark.parametrize("action_type", LEAST)
def test_members_that_the_models_require_are_required(action_type: str) -> None:
    for name in action(action_type):
        data = {key: value for key, value in action(action_type).items() if key != name}
        assert not is_valid(ACTIONS, data)


@pytest.mark.parametrize(
    "data",
    [
        action("mix_audio", {"stop": False}) | {"audio": None},
        {"type": "mix_audio", "session_id": "1"},
        {"type": "mix_audio", "session_id": "1", "stop": False},
        {"type": "speak", "session_id": "1"},
        action("speak", {"tts": None}),
        action("speak", {"ssml": None}),
        action("transfer", {"timeout": None}),
        {"success": True},
    ],
)
def test_an_action_with_a_lint_error_is_invalid(data: Json) -> None:
    assert not is_valid(ACTIONS, data)
    assert "error" in {problem.severity for problem in lint_answer(data)}


NUMBERS = st.none() | st.booleans() | st.integers() | st.floats(-1e6, 1e6) | st.text("0123456789")
SMALL = st.integers(-10, 310) | st.floats(-3, 3) | NUMBERS


@given(
    member=st.sampled_from(
        [
            ("mix_audio", "volume"),
            ("transfer", "timeout"),
            ("configure_voice_to_voice", "temperature"),
            ("speak", "user_input_timeout_seconds"),
            ("transfer", "target_phone_number"),
            ("configure_voice_to_voice", "language"),
        ]
    ),
    value=SMALL | st.from_regex(r"\A[+a-zA-Z0-9-]{1,20}\Z"),
)
def test_models_and_schema_accept_the_same_values(member: tuple[str, str], value: object) -> None:
    action_type, name = member
    data = {**action(action_type), name: value}
    try:
        ACTION_TYPES[action_type].model_validate(data)
    except ValidationError:
        accepted = False
    else:
        accepted = value is not None  # Python's "not given" is no value on the wire.
    assert is_valid(ACTIONS, data) is accepted
