from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator
from pydantic import ValidationError

from aiflow.protocol.actions import ACTION_TYPES
from aiflow.protocol.constraints import is_array, is_object
from aiflow_local.simulator.engine.options import ServiceOptions
from aiflow_local.simulator.scenarios.scenario import ScenarioFile, scenario_schema
from tests.unit.local.simulator.fake_bots import EXAMPLE

SCHEMA = scenario_schema()
VALIDATOR: Any = Draft202012Validator(SCHEMA)
FILE = yaml.safe_load(EXAMPLE.read_text("utf-8"))


def objects(schema: object, name: str = "file") -> Iterator[tuple[str, dict[Any, Any]]]:
    """Return each object schema with its path."""
    if is_object(schema):
        if schema.get("type") == "object":
            yield name, schema
        for key, value in schema.items():
            yield from objects(value, f"{name}.{key}")
    elif is_array(schema):
        for index, value in enumerate(schema):
            yield from objects(value, f"{name}.{index}")


def accepts(step: dict[str, Any]) -> bool:
    """Tell whether a step is valid."""
    file = {"scenarios": [{"name": "a call", "turns": [step]}]}
    accepted: bool = VALIDATOR.is_valid(file)
    try:
        ScenarioFile.model_validate(file)
    except ValidationError:
        assert not accepted, "the schema accepts what the phone refuses"
    else:
        assert accepted, "the phone accepts what the schema refuses"
    return accepted


def test_it_is_a_schema() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["$schema"].endswith("2020-12/schema")


def test_the_example_of_the_documentation_is_accepted() -> None:
    assert list(VALIDATOR.iter_errors(FILE)) == []


def test_every_member_is_described() -> None:
    bare = [
        f"{name}.{member}"
        for name, schema in objects(SCHEMA)
        for member, rule in schema.get("properties", {}).items()
        if not rule.get("description")
    ]
    assert bare == []


def test_only_the_state_of_the_agent_allows_other_members() -> None:
    is_open = [
        name for name, schema in objects(SCHEMA) if schema.get("additionalProperties") is not False
    ]
    assert [name.rsplit(".", 1)[1] for name in is_open] == ["state"]


def test_every_option_and_every_action_is_in_it() -> None:
    assert (
        SCHEMA["$defs"]["ServiceOptions"]["properties"].keys() == ServiceOptions.model_fields.keys()
    )
    expected = SCHEMA["$defs"]["ExpectedAction"]["properties"]
    assert expected.keys() == ACTION_TYPES.keys()
    for name, model in ACTION_TYPES.items():
        _, _, definition = expected[name]["$ref"].rpartition("/")
        members = SCHEMA["$defs"][definition]["properties"].keys()
        own = {"contains", "matches"} if name == "speak" else set[str]()
        assert members == (model.model_fields.keys() - {"type", "session_id"}) | own


GOOD: list[dict[str, Any]] = [
    {},
    {"user": "hi"},
    {"keys": "12#"},
    {"keys": {"press": "1", "after_ms": 300}},
    {"silence": 1.5},
    {"expect": ["..."]},
    {"expect": [{"speak": {"matches": "^a", "barge_in": {"strategy": "none"}}}, "..."]},
    {"expect": [{"transfer": {"timeout": 30}}]},
    {"expect": [{"configure_transcription": {"languages": ["de-DE"]}}]},
]


@pytest.mark.parametrize("step", GOOD)
def test_the_possible_members_of_a_step(step: dict[str, Any]) -> None:
    assert accepts(step)


BAD: list[dict[str, Any]] = [
    {"usre": "hi"},
    {"user": None},
    {"user": 12},
    {"user": ""},
    {"user": "hi", "keys": "1"},
    {"keys": "a"},
    {"keys": 12},
    {"silence": 0},
    {"hangup": False},
    {"interrupt": {"after_ms": 5}},
    {"interrupt": {"words": "hi"}},
    {"expect": "..."},
    {"expect": ["speak"]},
    {"expect": [{}]},
    {"expect": [{"speak": {}, "hangup": {}}]},
    {"expect": [{"spaek": {}}]},
    {"expect": [{"speak": None}]},
    {"expect": [{"speak": {"contians": "a"}}]},
    {"expect": [{"hangup": {"contains": "a"}}]},
    {"expect": [{"transfer": {"target_phone_number": 492111234567}}]},
    {"expect": [{"transfer": {"timeout": 500}}]},
]


@pytest.mark.parametrize("step", BAD)
def test_mistakes_are_rejected(step: dict[str, Any]) -> None:
    assert not accepts(step)
