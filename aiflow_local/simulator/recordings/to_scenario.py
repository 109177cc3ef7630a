"""Converts recorded calls to scenarios."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

import yaml

from aiflow.protocol.constraints import is_array, is_object
from aiflow_local.simulator.engine.options import ServiceOptions
from aiflow_local.simulator.engine.parties import CallParties
from aiflow_local.simulator.engine.transcript import EntryKind
from aiflow_local.simulator.recordings.caller_steps import CallerStep
from aiflow_local.simulator.recordings.reader import RecordedCall
from aiflow_local.simulator.recordings.reconstruct import ReconstructedCall, reconstruct

_MAX_SILENCE_MS = 3_600_000
# The audio would be longer than the rest of the scenario.
_LEFT_OUT = frozenset({"type", "session_id", "audio"})
_PARTY = {"direction": "direction", "from": "caller", "to": "callee"}
_WIDTH = 100


def as_scenarios(calls: Sequence[RecordedCall]) -> str:
    """Return a scenario file with a scenario for each call."""
    scenarios: list[dict[str, Any]] = []
    names: set[str] = set()
    for recorded in calls:
        name, number = recorded.name, 1
        while name in names:
            number += 1
            name = f"{recorded.name} ({number})"
        names.add(name)
        scenarios.append({"name": name, **_scenario(recorded)})
    return yaml.dump(
        _quoted({"scenarios": scenarios}),
        Dumper=_Dumper,
        allow_unicode=True,
        default_flow_style=False,
        sort_keys=False,
        width=_WIDTH,
    )


def _scenario(recorded: RecordedCall) -> dict[str, Any]:
    reconstructed, usual = reconstruct(recorded), CallParties()
    parties = {
        name: getattr(recorded.parties, member)
        for name, member in _PARTY.items()
        if getattr(recorded.parties, member) != getattr(usual, member)
    }
    given = _given(recorded.options, reconstructed.steps)
    return {
        **parties,
        **({"given": given} if given else {}),
        "turns": list(_turns(recorded, reconstructed.steps)),
        "finally": _finally(recorded, reconstructed),
    }


def _given(options: ServiceOptions, steps: Sequence[CallerStep]) -> dict[str, Any]:
    """Return the service options at the end of the call: a scenario has one value for each."""
    all_of_them: dict[str, Any] = options.model_dump(mode="json")
    for step in steps:
        all_of_them |= step.options or {}
    defaults = ServiceOptions().model_dump(mode="json")
    return _FlowMapping(
        {name: value for name, value in all_of_them.items() if value != defaults[name]}
    )


def _turns(recorded: RecordedCall, steps: Sequence[CallerStep]) -> Iterator[dict[str, Any]]:
    actions = [entry.data["action"] for entry in recorded.entries if entry.kind is EntryKind.ACTION]
    turns = list(_scenario_turns([step for step in steps if step.kind != "set"]))
    for (turn, begin), (_, end) in pairwise([*turns, ({}, len(actions))]):
        expected = [_expected(action) for action in actions[begin:end]]
        if turn.get("hangup"):
            # The caller does not hear answers after the hangup.
            yield turn
        elif turn or expected or len(turns) == 1:
            yield {**turn, "expect": expected}


def _scenario_turns(steps: Sequence[CallerStep]) -> Iterator[tuple[dict[str, Any], int]]:
    """Yield scenario turns, each with the number of actions before it."""
    yield {}, 0
    for step in steps:
        (settled, events), (reached, all_events) = step.settled, step.reached
        # Leave out a silence without events.
        if all_events > events and 0 < step.silence_ms <= _MAX_SILENCE_MS:
            yield {"silence": step.silence_ms / 1000}, settled
        if turn := _turn_of(step):
            yield turn, reached


def _turn_of(step: CallerStep) -> dict[str, Any]:
    match step:
        case CallerStep(kind="say", words=str(words), after_ms=None) if words:
            return {"user": words}
        case CallerStep(kind="say", words=str(words), after_ms=after_ms) if words:
            return {"interrupt": _FlowMapping({"with": words, "after_ms": after_ms})}
        case CallerStep(kind="press", words=keys, after_ms=None):
            return {"keys": keys}
        case CallerStep(kind="press", words=keys, after_ms=after_ms):
            return {"keys": _FlowMapping({"press": keys, "after_ms": after_ms})}
        case CallerStep(kind="hang up"):
            return {"hangup": True}
        case _:
            return {}


def _expected(action: Mapping[str, Any]) -> dict[str, Any]:
    members = {name: value for name, value in action.items() if name not in _LEFT_OUT}
    return {str(action["type"]): _FlowMapping(members)}


def _finally(recorded: RecordedCall, reconstructed: ReconstructedCall) -> dict[str, Any]:
    problems = [
        entry.data["problem"] for entry in recorded.entries if entry.kind is EntryKind.PROBLEM
    ]
    errors = sum(problem["severity"] == "error" for problem in problems)
    return _FlowMapping(
        {"ended": reconstructed.is_over, **({"problems": errors} if errors else {})}
    )


class _FlowMapping(dict[str, Any]):
    """A mapping that is written in one row."""


class _QuotedText(str):
    """A text that is written in quotes, so that YAML does not read it as another type."""

    __slots__ = ()


class _Dumper(yaml.SafeDumper):
    """Indents lists and writes no aliases."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: FBT001, FBT002 - PyYAML's
        """See PyYAML."""
        del indentless
        super().increase_indent(flow, indentless=False)

    def ignore_aliases(self, data: object) -> bool:
        """See PyYAML."""
        del data
        return True


def _quoted(value: object) -> object:
    if isinstance(value, str):
        return _QuotedText(value)
    if is_array(value):
        return [_quoted(item) for item in value]
    if is_object(value):
        members = {str(name): _quoted(item) for name, item in value.items()}
        return _FlowMapping(members) if isinstance(value, _FlowMapping) else members
    return value


def _write(_: yaml.SafeDumper, text: _QuotedText) -> yaml.Node:
    return yaml.ScalarNode("tag:yaml.org,2002:str", str(text), style='"')


def _write_row(dumper: yaml.SafeDumper, row: _FlowMapping) -> yaml.Node:
    return dumper.represent_mapping("tag:yaml.org,2002:map", row, flow_style=True)


_Dumper.add_representer(_QuotedText, _write)
_Dumper.add_representer(_FlowMapping, _write_row)
