"""JSON Schema of the wire, generated from the models: for editors, other languages and tests."""

from collections.abc import Mapping
from typing import Any, Literal, override

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, models_json_schema
from pydantic_core import core_schema

from aiflow.protocol.actions import ACTION_TYPES
from aiflow.protocol.events import EVENT_TYPES

__all__ = ["action_schema", "event_schema"]

type _Input = tuple[type[BaseModel], Literal["validation"]]


class _Untitled(GenerateJsonSchema):
    """Pydantic's titles of members say their names once more."""

    @override
    def field_title_should_be_set(self, schema: object) -> bool:
        return False


class _WithoutNull(_Untitled):
    """In Python `None` is "not given"; on the wire an action leaves the member out instead."""

    @override
    def nullable_schema(self, schema: core_schema.NullableSchema) -> dict[str, Any]:
        return self.generate_inner(schema["schema"])

    @override
    def default_schema(self, schema: core_schema.WithDefaultSchema) -> dict[str, Any]:
        published = super().default_schema(schema)
        if published.get("default", ...) is None:
            del published["default"]
        return published


def event_schema() -> dict[str, Any]:
    """Return the JSON Schema of every event, open for members that we do not know."""
    return _schema("AI Flow event", EVENT_TYPES, _Untitled)


def action_schema() -> dict[str, Any]:
    """Return the JSON Schema of every action.

    It lacks what JSON Schema cannot say: that `ssml` is XML, and what format `audio` has.
    """
    return _schema("AI Flow action", ACTION_TYPES, _WithoutNull)


def _schema(
    title: str, models: Mapping[str, type[BaseModel]], generator: type[GenerateJsonSchema]
) -> dict[str, Any]:
    inputs: list[_Input] = [(model, "validation") for model in models.values()]
    references, shared = models_json_schema(inputs, by_alias=False, schema_generator=generator)
    for definition in shared["$defs"].values():
        _require_constants(definition)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": title,
        "oneOf": [references[key] for key in inputs],
        **shared,
    }


def _require_constants(definition: dict[str, Any]) -> None:
    """Ask for `type` and `provider`: the models fill them in, the wire must have them."""
    for name, member in definition["properties"].items():
        if "const" in member:
            del member["default"]
            member.setdefault("description", "The name of this one.")
            definition["required"] = [name, *definition.get("required", [])]
