"""Scenario files: calls in YAML, with expected actions."""

from itertools import combinations
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    ConfigDict,
    Discriminator,
    Field,
    PrivateAttr,
    Strict,
    Tag,
    model_validator,
)

from aiflow.protocol.constraints import reject
from aiflow.protocol.types import SessionId
from aiflow_local.errors import Unreadable
from aiflow_local.simulator.engine.formatting import format_members, shorten
from aiflow_local.simulator.engine.options import ServiceOptions
from aiflow_local.simulator.scenarios.expectation_models import FileModel
from aiflow_local.simulator.scenarios.field_types import (
    AfterMs,
    Expectations,
    Keys,
    Number,
    NumberOrNone,
    Seconds,
    Words,
    value_kind,
)
from aiflow_local.simulator.scenarios.json_schema import json_schema
from aiflow_local.simulator.scenarios.loader import Document, read_yaml
from aiflow_local.simulator.scenarios.validation_errors import validate_document

CALLER_ACTIONS = ("user", "interrupt", "keys", "silence", "hangup")


class Interruption(FileModel):
    """The caller speaks during a playback."""

    words: Words = Field(alias="with", description="What the caller says.")
    after_ms: AfterMs = Field(default=0, description="Offset into the playback, in milliseconds.")


class KeyPresses(FileModel):
    """The caller presses keys during a playback."""

    press: Keys = Field(description="One or more of 0-9, * and #, one after another.")
    after_ms: AfterMs = Field(default=0, description="Offset into the playback, in milliseconds.")


class _Placed(FileModel):
    _line: int | None = PrivateAttr(default=None)

    @property
    def line(self) -> int | None:
        """Line in the file; None without a file."""
        return self._line

    def place(self, document: Document, *location: int | str) -> None:
        """Set the line from a location."""
        self._line = document.find(location).line


class Step(_Placed):
    """At most one action of the caller, and the expected actions of the agent after it.

    `expect` lists all actions since the step before, in order. An entry names an action and any of
    its members; `contains` and `matches` (a regular expression) check the spoken words. A last
    entry `...` allows more actions. A step without an action of the caller waits for the next
    answer.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "not": {"anyOf": [{"required": list(pair)} for pair in combinations(CALLER_ACTIONS, 2)]}
        }
    )

    user: Words | None = Field(
        default=None, description="The caller says this after the agent has finished."
    )
    interrupt: Interruption | None = Field(
        default=None, description="The caller says this during a playback."
    )
    keys: (
        Annotated[
            Annotated[Keys, Tag("<text>")] | Annotated[KeyPresses, Tag("<object>")],
            Discriminator(value_kind),
        ]
        | None
    ) = Field(default=None, description="The caller presses keys.")
    silence: Seconds | None = Field(
        default=None, description="The caller is silent for this number of seconds."
    )
    hangup: Literal[True] | None = Field(default=None, description="The caller hangs up.")
    expect: Expectations | None = Field(
        default=None, description="Actions of the agent in order; not checked if absent."
    )

    @property
    def is_callers(self) -> bool:
        """Whether the caller acts in this step."""
        return any(getattr(self, name) is not None for name in CALLER_ACTIONS)

    def __str__(self) -> str:
        done = next((name for name in CALLER_ACTIONS if getattr(self, name) is not None), None)
        if done is None:
            return "the next answer"
        value = getattr(self, done)
        if isinstance(value, FileModel):
            return f"{done} {format_members(value.model_dump(by_alias=True))}"
        return f"{done} {f'{value:g} s' if isinstance(value, float) else shorten(value)}"

    @model_validator(mode="after")
    def _one_thing_at_a_time(self) -> "Step":
        done = [name for name in CALLER_ACTIONS if getattr(self, name) is not None]
        if len(done) > 1:
            reject(f"has {' and '.join(done)}: give each action of the caller its own step")
        return self


class Outcome(FileModel):
    """Expectations at the end of the call."""

    ended: bool | None = Field(default=None, description="Whether the call is over.")
    problems: Annotated[int, Strict(), Field(ge=0)] = Field(
        default=0, description="Exact number of protocol errors in the answers."
    )
    within_ms: Annotated[float, Strict(), Field(gt=0)] | None = Field(
        default=None, description="Time limit of the slowest answer, in milliseconds."
    )
    state: dict[str, Any] | None = Field(
        default=None, description="Members of call.state; only for an agent that runs here."
    )


class Scenario(_Placed):
    """One call."""

    name: Words = Field(description="A sentence that says what happens.")
    direction: Literal["inbound", "outbound"] = Field(
        default="inbound", description="Who started the call."
    )
    caller: NumberOrNone | None = Field(
        default=None, alias="from", description="The calling number; empty for an anonymous caller."
    )
    callee: Number | None = Field(default=None, alias="to", description="The called number.")
    session: SessionId | None = Field(
        default=None, description="The session id; a new one if absent."
    )
    given: ServiceOptions = Field(
        default_factory=ServiceOptions, description="Options of the simulated service."
    )
    turns: list[Step] = Field(min_length=1, description="Steps of the call.")
    outcome: Outcome = Field(
        default_factory=Outcome, alias="finally", description="Checks after the last step."
    )


class ScenarioFile(FileModel):
    """A file of scenarios."""

    scenarios: list[Scenario] = Field(min_length=1, description="The calls of this file.")


def load_scenarios(path: Path) -> list[Scenario]:
    """Read a scenario file.

    Raises:
        Unreadable: the file is not valid; the message has a line for each mistake, with line and
            column.
    """
    document = read_yaml(path)
    scenarios = validate_document(ScenarioFile, document).scenarios
    names: set[str] = set()
    for number, scenario in enumerate(scenarios):
        scenario.place(document, "scenarios", number)
        for index, step in enumerate(scenario.turns):
            step.place(document, "scenarios", number, "turns", index)
        if scenario.name in names:
            place = document.find(("scenarios", number, "name"))
            where = f"{path}:{place.line}:{place.column}"
            message = "another scenario has this name: choose a unique one"
            raise Unreadable("not_a_scenario", f"{where}: {message}")
        names.add(scenario.name)
    return scenarios


def scenario_schema() -> dict[str, Any]:
    """Return the JSON Schema of a scenario file."""
    return json_schema(ScenarioFile, "aiflow scenarios")
