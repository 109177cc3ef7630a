"""JSON Schema of events and actions, generated from the models."""

from collections.abc import Mapping
from typing import Any, Literal, override

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, models_json_schema
from pydantic_core import core_schema

from aiflow.protocol.actions import ACTION_TYPES
from aiflow.protocol.events import EVENT_TYPES

__all__ = ["action_schema", "event_schema"]

type _Input = tuple[type[BaseModel], Literal["validation"]]


class _WithoutTitles(GenerateJsonSchema):
    """Omits the titles of members, which only repeat their names."""

    @override
    def field_title_should_be_set(self, schema: object) -> bool:
        return False


class _WithoutNull(_WithoutTitles):
    """Omits null: `None` in Python means that the member is not sent."""

    @override
    def nullable_schema(self, schema: core_schema.NullableSchema) -> dict[str, Any]:
        return self.generate_inner(schema["schema"])

    @override
    def default_schema(self, schema: core_schema.WithDefaultSchema) -> dict[str, Any]:
        json_schema = super().default_schema(schema)
        if json_schema.get("default", ...) is None:
            del json_schema["default"]
        return json_schema


def event_schema() -> dict[str, Any]:
    """Return the JSON Schema of all events; it allows unknown members."""
    return _schema("AI Flow event", EVENT_TYPES, _WithoutTitles)


def action_schema() -> dict[str, Any]:
    """Return the JSON Schema of all actions.

    JSON Schema cannot express that `ssml` is well-formed XML, nor the format of `audio`.
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
    """Require `type` and `provider`, which have defaults in the models but must be sent."""
    for name, member in definition["properties"].items():
        if "const" in member:
            del member["default"]
            member.setdefault("description", "The name of this type.")
            definition["required"] = [name, *definition.get("required", [])]
