"""Expected actions of a scenario: any of their members, and words that are spoken."""

import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Self, cast

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    create_model,
    field_validator,
)
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from aiflow.protocol.actions import ACTION_TYPES
from aiflow.protocol.constraints import reject

_ENVELOPE = frozenset({"type", "session_id"})


class FileModel(BaseModel):
    """Part of a file: frozen, without unknown or empty members."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @field_validator("*", mode="before")
    @classmethod
    def _not_empty(cls, value: object) -> object:
        return reject("is empty: give it a value or leave it out") if value is None else value


def _pattern(text: str) -> str:
    try:
        with warnings.catch_warnings():
            # Reject patterns that a later Python will read differently.
            warnings.simplefilter("error")
            re.compile(text)
    except (re.error, OverflowError, RecursionError, Warning) as error:
        reject(f"must be a regular expression: {error}")
    return text


def _or_none(kind: Any) -> Any:  # noqa: ANN401 - a type that is made here
    return kind | None


def _words_expected() -> dict[str, Any]:
    return {
        "contains": (
            _or_none(Annotated[str, Field(min_length=1)]),
            Field(default=None, description="Text that occurs in the spoken words."),
        ),
        "matches": (
            _or_none(Annotated[str, Field(min_length=1), AfterValidator(_pattern)]),
            Field(
                default=None,
                description="Python regular expression that matches in the spoken words.",
                json_schema_extra={"format": "regex"},
            ),
        ),
    }


def _members_expected(name: str) -> type[FileModel]:
    """Return a model of an action whose members are all optional."""
    model = ACTION_TYPES[name]
    members: dict[str, Any] = {
        member: (
            _or_none(Annotated[cast("Any", rule.annotation), *rule.metadata, Field()]),
            Field(default=None, description=rule.description),
        )
        for member, rule in model.model_fields.items()
        if member not in _ENVELOPE
    }
    if name == "speak":
        members |= _words_expected()
    return create_model(
        f"Expected{model.__name__}",
        __base__=FileModel,
        __doc__=f"`{name}` with these members.",
        **members,
    )


class _OneAction(FileModel):
    """An action that is expected."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1, "maxProperties": 1})

    @field_validator("*", mode="before")
    @classmethod
    def _not_empty(cls, value: object) -> object:
        return reject("is empty: write {} for any members") if value is None else value


def _entry() -> type[FileModel]:
    actions: dict[str, Any] = {
        name: (
            _or_none(_members_expected(name)),
            Field(default=None, description=f"The agent sends `{name}`; {{}} for any members."),
        )
        for name in ACTION_TYPES
    }

    return create_model("ExpectedAction", __base__=_OneAction, **actions)


_ENTRY = _entry()


@dataclass(frozen=True)
class Expected:
    """An expected action.

    Attributes:
        name: type of the action.
        members: required members, as on the wire.
        contains: text that must occur in the spoken words.
        matches: regular expression that must match in the spoken words.
    """

    name: str
    members: Mapping[str, Any] = field(default_factory=dict[str, Any])
    contains: str | None = None
    matches: str | None = None

    @classmethod
    def __get_pydantic_core_schema__(
        cls, source: object, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        """Return the schema of its form in a file."""
        del source
        return core_schema.no_info_after_validator_function(
            cls._of, handler.generate_schema(_ENTRY)
        )

    @classmethod
    def _of(cls, entry: FileModel) -> Self:
        given = entry.model_dump(mode="json", exclude_unset=True)
        if len(given) != 1:
            known = ", ".join(ACTION_TYPES)
            raise PydanticCustomError("refused", "must name one action: {known}", {"known": known})
        ((name, members),) = given.items()
        contains, matches = members.pop("contains", None), members.pop("matches", None)
        return cls(name, members, contains, matches)
