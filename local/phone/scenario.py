"""Scenario files: calls in YAML, with what the agent is expected to do."""

from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from aiflow.protocol.actions import ACTION_TYPES
from local.errors import Unreadable
from local.phone.switches import Switches

ANYTHING_MORE = "..."
CALLER_ACTIONS = ("user", "interrupt", "keys", "silence", "hangup")


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class Interruption(_Part):
    """The caller speaks while the agent does."""

    words: str = Field(alias="with", min_length=1, description="What the caller says.")
    after_ms: int = Field(default=0, ge=0, description="How far into what is being played.")


class KeyPresses(_Part):
    """The caller presses keys while the agent speaks."""

    press: str = Field(pattern=r"^[0-9*#]+$", description="One or more of 0-9, * and #.")
    after_ms: int = Field(default=0, ge=0, description="How far into what is being played.")


Keys = Annotated[str, Field(pattern=r"^[0-9*#]+$")]
Expectation = dict[str, dict[str, Any]] | Literal["..."]


class Step(_Part):
    """What the caller does, at most one thing, and what the agent is to do then.

    `expect` lists every action since the step before, in order. An entry names the action and any
    of its members; `contains` and `matches` (a regular expression) look at what is spoken. A last
    entry `...` allows more. A step in which the caller does nothing waits for the next answer.
    """

    user: str | None = Field(default=None, description="The caller says this, after the agent.")
    interrupt: Interruption | None = Field(
        default=None, description="The caller says this while the agent speaks."
    )
    keys: Keys | KeyPresses | None = Field(default=None, description="The caller presses keys.")
    silence: Annotated[float, Field(gt=0, le=3600)] | None = Field(
        default=None, description="The caller is silent for so many seconds."
    )
    hangup: Literal[True] | None = Field(default=None, description="The caller hangs up.")
    expect: list[Expectation] | None = Field(
        default=None, description="What the agent does; not checked if absent."
    )

    @model_validator(mode="after")
    def _one_thing_at_a_time(self) -> "Step":
        if len([name for name in CALLER_ACTIONS if getattr(self, name) is not None]) > 1:
            names = ", ".join(CALLER_ACTIONS)
            raise PydanticCustomError("step", "a step has at most one of {names}", {"names": names})
        for expectation in self.expect or []:
            _check_expectation(expectation, is_last=expectation is (self.expect or [])[-1])
        return self


class Outcome(_Part):
    """What is true when all steps are done."""

    ended: bool | None = Field(default=None, description="Whether the call is over.")
    problems: int = Field(default=0, ge=0, description="Errors in the answers, no more, no fewer.")
    within_ms: float | None = Field(default=None, gt=0, description="The slowest answer.")
    state: dict[str, Any] | None = Field(
        default=None, description="Members of call.state; seen only where the agent runs here."
    )


class Scenario(_Part):
    """One call."""

    name: str = Field(min_length=1, description="A sentence that says what happens.")
    direction: Literal["inbound", "outbound"] = Field(
        default="inbound", description="Who started the call."
    )
    caller: str | None = Field(
        default=None, alias="from", description="The calling number; empty for an anonymous caller."
    )
    callee: str | None = Field(default=None, alias="to", description="The called number.")
    session: str | None = Field(
        default=None,
        min_length=1,
        max_length=256,
        description="The session id; a new one if absent.",
    )
    given: Switches = Field(
        default_factory=Switches, description="How the service behaves, see the switches."
    )
    turns: list[Step] = Field(min_length=1, description="What happens, step by step.")
    outcome: Outcome = Field(
        default_factory=Outcome, alias="finally", description="What is true in the end."
    )


class ScenarioFile(_Part):
    """A file of scenarios."""

    scenarios: list[Scenario] = Field(min_length=1, description="The calls of this file.")


def load_scenarios(path: Path) -> list[Scenario]:
    """Read a scenario file.

    Raises:
        Unreadable: it cannot be read; the message names the line and the column.
    """
    try:
        text = path.read_text(encoding="utf-8")
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        data = yaml.safe_load(text)
    except OSError as error:
        raise Unreadable("unreadable", f"{path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise Unreadable("not_utf8", f"{path}: is not UTF-8") from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = f":{mark.line + 1}:{mark.column + 1}" if mark else ""
        raise Unreadable("not_yaml", f"{path}{place}: is not YAML: {error.problem}") from error
    except (yaml.YAMLError, RecursionError) as error:
        raise Unreadable("not_yaml", f"{path}: is not YAML") from error
    try:
        return ScenarioFile.model_validate(data).scenarios
    except ValidationError as error:
        raise Unreadable("not_a_scenario", "\n".join(_places(path, node, error))) from error


def scenario_schema() -> dict[str, Any]:
    """Return the JSON Schema of a scenario file, for editors."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **ScenarioFile.model_json_schema(by_alias=True),
    }


def _check_expectation(expectation: Expectation, *, is_last: bool) -> None:
    if expectation == ANYTHING_MORE:
        if not is_last:
            raise PydanticCustomError("expect", "... stands at the end of expect")
        return
    names = list(expectation)
    if len(names) != 1 or names[0] not in ACTION_TYPES:
        known = ", ".join(ACTION_TYPES)
        raise PydanticCustomError("expect", "an entry names one action: {known}", {"known": known})


def _places(path: Path, node: yaml.Node | None, error: ValidationError) -> list[str]:
    """Say where in the file each mistake is."""
    lines: list[str] = []
    for details in error.errors(include_url=False):
        at, where = _find(node, details["loc"])
        place = f":{at.start_mark.line + 1}:{at.start_mark.column + 1}" if at else ""
        message = details["msg"].replace("Input should", "must", 1)
        lines.append(f"{path}{place}: {where or 'the file'}: {message}")
    return list(dict.fromkeys(lines))


def _find(node: yaml.Node | None, location: tuple[int | str, ...]) -> tuple[yaml.Node | None, str]:
    """Return the innermost node on the way to a location, and the way in words."""
    way: list[str] = []
    for part in location:
        inner: yaml.Node | None = None
        if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            inner = node.value[part]
        elif isinstance(node, yaml.MappingNode):
            inner = next((value for key, value in node.value if key.value == part), None)
        if inner is not None:
            node = inner
            way.append(str(part))
        elif isinstance(part, str) and isinstance(node, yaml.MappingNode):
            way.append(part)
    return node, ".".join(way)
