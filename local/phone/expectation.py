"""What was expected against what the agent did, so that a person sees the difference."""

import re
from collections.abc import Mapping, Sequence
from itertools import zip_longest
from typing import Any

from aiflow import Action, Speak
from local.phone.scenario import ANYTHING_MORE, Expectation
from local.phone.speech import words_of

_LONGEST = 60


def mismatches(expected: Sequence[Expectation], actions: Sequence[Action]) -> list[str]:
    """Return a line for each expected or unexpected action; nothing if all is as expected."""
    more_allowed = bool(expected) and expected[-1] == ANYTHING_MORE
    wanted = [entry for entry in expected if isinstance(entry, dict)]
    lines: list[str] = []
    is_fine = True
    for entry, action in zip_longest(wanted, actions):
        if entry is None:
            is_fine = is_fine and more_allowed
            lines.append(f"  {'.' if more_allowed else '+'} {summary(action)}")
            continue
        why = _difference(entry, action)
        is_fine = is_fine and why is None
        if why is None:
            lines.append(f"  = {summary(action)}")
        else:
            lines.append(f"  - {_wanted(entry)}")
            lines.append(f"  + {summary(action) if action else 'nothing'}   ({why})")
    return [] if is_fine else lines


def missing_members(expected: Mapping[str, Any], actual: Mapping[str, Any]) -> str | None:
    """Return the first member that differs, in words; None if all that is expected is there."""
    for name, value in expected.items():
        if name not in actual:
            return f"{name} is absent"
        if isinstance(value, Mapping) and isinstance(actual[name], Mapping):
            inner = missing_members(value, actual[name])
            if inner:
                return f"{name}.{inner}"
        elif value != actual[name]:
            return f"{name} is {_short(actual[name])}, not {_short(value)}"
    return None


def summary(action: Action) -> str:
    """Return an action in one line: what is said, else the members that matter."""
    if isinstance(action, Speak):
        return f"speak {_short(words_of(action))}"
    members = {
        name: f"<{len(value)} characters>" if name == "audio" else value
        for name, value in action.to_wire().items()
        if name not in {"type", "session_id"}
    }
    told = " ".join(f"{name}={_short(value)}" for name, value in members.items())
    return f"{action.type} {told}".rstrip()


def _difference(entry: Mapping[str, Mapping[str, Any]], action: Action | None) -> str | None:
    if action is None:
        return "it did not come"
    ((name, members),) = entry.items()
    if action.type != name:
        return f"it is {action.type}, not {name}"
    spoken = words_of(action) if isinstance(action, Speak) else ""
    rest = {key: value for key, value in members.items() if key not in {"contains", "matches"}}
    if str(members.get("contains", "")) not in spoken:
        return "it does not contain that"
    if not re.search(str(members.get("matches", "")), spoken):
        return "it does not match that"
    return missing_members(rest, action.to_wire())


def _wanted(entry: Mapping[str, Mapping[str, Any]]) -> str:
    ((name, members),) = entry.items()
    return f"{name} " + " ".join(f"{key}={_short(value)}" for key, value in members.items())


def _short(value: object) -> str:
    text = f'"{value}"' if isinstance(value, str) else str(value)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 4]} ..."
