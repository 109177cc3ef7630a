"""Makes scenarios of recorded calls: what the caller did, and what the agent did about it."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

import yaml

from aiflow.protocol.constraints import is_array, is_object
from aiflow_local.simulator.engine.options import Switches
from aiflow_local.simulator.engine.parties import Party
from aiflow_local.simulator.engine.transcript import Kind
from aiflow_local.simulator.recordings.caller_steps import Move
from aiflow_local.simulator.recordings.reader import Recorded
from aiflow_local.simulator.recordings.reconstruct import Retraced, retrace

_LONGEST_SILENCE_MS = 3_600_000
# A sound would be longer than all the rest.
_LEFT_OUT = frozenset({"type", "session_id", "audio"})
_PARTY = {"direction": "direction", "from": "caller", "to": "callee"}
_WIDTH = 100


def as_scenarios(calls: Sequence[Recorded]) -> str:
    """Return a scenario file in which all these calls are scenarios."""
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


def _scenario(recorded: Recorded) -> dict[str, Any]:
    retraced, usual = retrace(recorded), Party()
    party = {
        name: getattr(recorded.party, member)
        for name, member in _PARTY.items()
        if getattr(recorded.party, member) != getattr(usual, member)
    }
    given = _given(recorded.switches, retraced.moves)
    return {
        **party,
        **({"given": given} if given else {}),
        "turns": list(_turns(recorded, retraced.moves)),
        "finally": _outcome(recorded, retraced),
    }


def _given(switches: Switches, moves: Sequence[Move]) -> dict[str, Any]:
    """Return the switches, each as it was in the end: a scenario has one setting for all."""
    all_of_them: dict[str, Any] = switches.model_dump(mode="json")
    for move in moves:
        all_of_them |= move.switches or {}
    defaults = Switches().model_dump(mode="json")
    return _Row({name: value for name, value in all_of_them.items() if value != defaults[name]})


def _turns(recorded: Recorded, moves: Sequence[Move]) -> Iterator[dict[str, Any]]:
    actions = [entry.data["action"] for entry in recorded.entries if entry.kind is Kind.ACTION]
    steps = list(_steps([move for move in moves if move.act != "set"]))
    for (step, begin), (_, end) in pairwise([*steps, ({}, len(actions))]):
        expected = [_expected(action) for action in actions[begin:end]]
        if step.get("hangup"):
            # What is answered to the end of the call, nobody hears.
            yield step
        elif step or expected or len(steps) == 1:
            yield {**step, "expect": expected}


def _steps(moves: Sequence[Move]) -> Iterator[tuple[dict[str, Any], int]]:
    """Yield steps, and how many actions there had been before each."""
    yield {}, 0
    for move in moves:
        (settled, events), (reached, all_events) = move.settled, move.reached
        # A silence in which nothing happened need not be told.
        if all_events > events and 0 < move.silence_ms <= _LONGEST_SILENCE_MS:
            yield {"silence": move.silence_ms / 1000}, settled
        if step := _step(move):
            yield step, reached


def _step(move: Move) -> dict[str, Any]:
    match move:
        case Move(act="say", words=str(words), after_ms=None) if words:
            return {"user": words}
        case Move(act="say", words=str(words), after_ms=after_ms) if words:
            return {"interrupt": _Row({"with": words, "after_ms": after_ms})}
        case Move(act="press", words=keys, after_ms=None):
            return {"keys": keys}
        case Move(act="press", words=keys, after_ms=after_ms):
            return {"keys": _Row({"press": keys, "after_ms": after_ms})}
        case Move(act="hang up"):
            return {"hangup": True}
        case _:
            return {}


def _expected(action: Mapping[str, Any]) -> dict[str, Any]:
    members = {name: value for name, value in action.items() if name not in _LEFT_OUT}
    return {str(action["type"]): _Row(members)}


def _outcome(recorded: Recorded, retraced: Retraced) -> dict[str, Any]:
    problems = [entry.data["problem"] for entry in recorded.entries if entry.kind is Kind.PROBLEM]
    errors = sum(problem["severity"] == "error" for problem in problems)
    return _Row({"ended": retraced.is_over, **({"problems": errors} if errors else {})})


class _Row(dict[str, Any]):
    """Members that stand in one row."""


class _Text(str):
    """A text that stands in quotes: so it is one, whatever it looks like."""

    __slots__ = ()


class _Dumper(yaml.SafeDumper):
    """Writes lists as people do, and knows no aliases."""

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
        return _Text(value)
    if is_array(value):
        return [_quoted(item) for item in value]
    if is_object(value):
        members = {str(name): _quoted(item) for name, item in value.items()}
        return _Row(members) if isinstance(value, _Row) else members
    return value


def _write(_: yaml.SafeDumper, text: _Text) -> yaml.Node:
    return yaml.ScalarNode("tag:yaml.org,2002:str", str(text), style='"')


def _write_row(dumper: yaml.SafeDumper, row: _Row) -> yaml.Node:
    return dumper.represent_mapping("tag:yaml.org,2002:map", row, flow_style=True)


_Dumper.add_representer(_Text, _write)
_Dumper.add_representer(_Row, _write_row)
