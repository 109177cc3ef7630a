"""JSON that a bot sent, and the actions that the service would make of it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from pydantic import ValidationError

from aiflow import Action
from aiflow.errors import InvalidEvent
from aiflow.protocol.actions import ACTION_TYPES
from aiflow.protocol.constraints import is_object
from aiflow.protocol.json_codec import decode
from aiflow.protocol.lint import Diagnostic, lint_actions, lint_answer
from aiflow.protocol.types import JsonValue
from aiflow_local.simulator.engine.formatting import seconds

MAX_ACTIONS_PER_ANSWER = 200
"""At once; what comes after them is neither judged nor obeyed."""

MAX_PROBLEMS = 50
"""At once; more are counted."""


@dataclass(frozen=True)
class ValidationResult:
    """What is made of what came from a bot.

    Attributes:
        actions: those that are obeyed.
        problems: what is wrong with it.
        is_lost: whether there was no answer in time, or none but an error of the server.
        is_final: whether nothing gets to the bot any more.
        is_open: whether an answer is still awaited.
    """

    actions: Sequence[Action] = ()
    problems: Sequence[Diagnostic] = field(default_factory=list[Diagnostic])
    is_lost: bool = False
    is_final: bool = False
    is_open: bool = False


def valid_actions(text: str, session_id: str) -> Sequence[Action]:
    """Return the actions of JSON that nothing is wrong with: it need not be looked for.

    Returns none where there is something to look for, or there may be.
    """
    if "null" in text:
        return ()
    try:
        actions = [ACTION_TYPES[item["type"]].model_validate(item) for item in _items(decode(text))]
    except (InvalidEvent, ValidationError, LookupError, TypeError):
        return ()
    if len(actions) > MAX_ACTIONS_PER_ANSWER or any(
        action.session_id != session_id for action in actions
    ):
        return ()
    return () if lint_actions(actions) else actions


def truncate_actions(body: JsonValue, path: str) -> tuple[JsonValue, list[Diagnostic]]:
    """Return as much of JSON as is looked at, and the problem if that is not all."""
    if not isinstance(body, list) or len(body) <= MAX_ACTIONS_PER_ANSWER:
        return body, []
    message = (
        f"has {len(body)} actions: no more than the first {MAX_ACTIONS_PER_ANSWER} are looked at"
    )
    return body[:MAX_ACTIONS_PER_ANSWER], [Diagnostic.error("too_many_actions", path, message)]


def executable_actions(body: JsonValue, session_id: str) -> list[Action]:
    """Return the actions that nothing is wrong with, for this session."""
    read = [_executable_action(item, session_id) for item in _items(body)]
    return [action for action in read if action]


def limit_problems(problems: Sequence[Diagnostic], path: str) -> list[Diagnostic]:
    """Return problems, but not without end."""
    more = len(problems) - MAX_PROBLEMS
    if more <= 0:
        return list(problems)
    rest = Diagnostic.error("more_problems", path, f"has {more} more problems like these")
    return [*problems[:MAX_PROBLEMS], rest]


def slow_warning(ms: float) -> Diagnostic:
    """Return the warning of an answer that came late, but not too late."""
    message = f"answered after {seconds(ms)}: the caller hears the silence"
    return Diagnostic.warning("slow", "", message)


def _executable_action(item: object, session_id: str) -> Action | None:
    """Return the action that the service would make of this, if it would make one."""
    if not is_object(item):
        return None
    members = dict(item)
    errors = _errors(members, session_id)
    if errors and all(error.path.split("/")[1:2] == ["vad"] for error in errors):
        # A setting of `vad` that is out of range is documented to be ignored, and only that.
        del members["vad"]
        errors = _errors(members, session_id)
    return None if errors else ACTION_TYPES[str(members["type"])].model_validate(members)


def _errors(item: object, session_id: str) -> list[Diagnostic]:
    return [each for each in lint_answer(item, session_id) if each.severity == "error"]


def _items(body: JsonValue) -> list[Any]:
    return cast("list[Any]", body if isinstance(body, list) else [body])
