"""Compares expected and actual actions."""

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import Any

from aiflow import Action
from aiflow.protocol.constraints import is_object
from aiflow.protocol.types import JsonObject
from aiflow_local.simulator.engine.formatting import (
    format_action,
    format_members,
    shorten,
    spoken_words,
)
from aiflow_local.simulator.scenarios.expectation_models import Expected
from aiflow_local.simulator.scenarios.field_types import ANY_MORE, Expectation


def mismatches(expected: Sequence[Expectation], actions: Sequence[Action]) -> list[str]:
    """Return one line per expected or actual action; nothing if all match.

    Markers: `=` matches, `-` was expected, `+` was not expected, `.` is an allowed further action.
    """
    more_allowed = bool(expected) and expected[-1] == ANY_MORE
    wanted = [entry for entry in expected if isinstance(entry, Expected)]
    came = [action.to_wire() for action in actions]
    is_enough = len(came) >= len(wanted) if more_allowed else len(came) == len(wanted)
    if is_enough and all(map(_fits, wanted, came)):
        return []
    lines: list[str] = []
    first = second = 0
    for index, place in _in_common(wanted, came):
        lines += _block(wanted[first:index], came[second:place])
        lines.append(f"  = {format_action(came[place])}")
        first, second = index + 1, place + 1
    if more_allowed and first == len(wanted):
        return [*lines, *(f"  . {format_action(action)}" for action in came[second:])]
    return [*lines, *_block(wanted[first:], came[second:])]


def difference(entry: Expected, action: Mapping[str, Any]) -> str | None:
    """Return how an action differs from an expectation; None if it matches."""
    if action["type"] != entry.name:
        return f"is {action['type']}"
    said = spoken_words(action)
    if entry.contains is not None and " ".join(entry.contains.split()) not in said:
        return "does not contain that"
    if entry.matches is not None and not re.search(entry.matches, said):
        return "does not match that"
    return missing_members(entry.members, action)


def missing_members(expected: Mapping[Any, Any], actual: Mapping[Any, Any]) -> str | None:
    """Return how the first member differs; None if all expected members match."""
    for name, value in expected.items():
        if name not in actual:
            return f"{name} is absent"
        there = actual[name]
        if is_object(value) and is_object(there):
            inner = missing_members(value, there)
            if inner:
                return f"{name}.{inner}"
        elif value != there or isinstance(value, bool) is not isinstance(there, bool):
            return f"{name} is {shorten(there)}, not {shorten(value)}"
    return None


def _fits(entry: Expected, action: JsonObject) -> bool:
    return difference(entry, action) is None


def _in_common(wanted: Sequence[Expected], came: Sequence[JsonObject]) -> list[tuple[int, int]]:
    """Return the longest common subsequence of matching actions, as pairs of indices."""
    lengths = [[0] * (len(came) + 1) for _ in range(len(wanted) + 1)]
    fits = [[_fits(entry, action) for action in came] for entry in wanted]
    for index in reversed(range(len(wanted))):
        for place in reversed(range(len(came))):
            below, beside = lengths[index + 1][place], lengths[index][place + 1]
            longest = lengths[index + 1][place + 1] + 1 if fits[index][place] else 0
            lengths[index][place] = max(below, beside, longest)
    return list(_way(lengths, fits))


def _way(lengths: list[list[int]], fits: list[list[bool]]) -> Iterator[tuple[int, int]]:
    index = place = 0
    while lengths[index][place]:
        if fits[index][place] and lengths[index][place] == lengths[index + 1][place + 1] + 1:
            yield index, place
            index, place = index + 1, place + 1
        elif lengths[index][place] == lengths[index + 1][place]:
            index += 1
        else:
            place += 1


def _block(wanted: Sequence[Expected], came: Sequence[JsonObject]) -> Iterator[str]:
    """Return lines for expected actions and the actions at their place."""
    for entry, action in zip_longest(wanted, came):
        if entry is None:
            yield f"  + {format_action(action)}   (not expected)"
        elif action is None:
            yield f"  - {_format_expected(entry)}   (missing)"
        else:
            yield f"  - {_format_expected(entry)}"
            yield f"  + {format_action(action)}   ({difference(entry, action)})"


def _format_expected(entry: Expected) -> str:
    spoken_words = {"contains": entry.contains, "matches": entry.matches}
    words = {name: value for name, value in spoken_words.items() if value is not None}
    return f"{entry.name} {format_members({**words, **entry.members})}".rstrip()
