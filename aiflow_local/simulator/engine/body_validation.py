"""Extracts executable actions from the JSON of a bot and limits the reported problems."""

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
from aiflow_local.simulator.engine.formatting import format_seconds

MAX_ACTIONS_PER_ANSWER = 200
"""Actions after these are neither validated nor executed."""

MAX_PROBLEMS = 50
"""Reported problems per answer; further ones are only counted."""


@dataclass(frozen=True)
class ValidationResult:
    """Result of validating an answer or a message.

    Attributes:
        actions: the actions to execute.
        problems: errors and warnings.
        request_failed: whether the request failed: no answer in time, or a server error.
        is_permanent: whether the bot can no longer be reached.
        answer_pending: whether an answer may still come.
    """

    actions: Sequence[Action] = ()
    problems: Sequence[Diagnostic] = field(default_factory=list[Diagnostic])
    request_failed: bool = False
    is_permanent: bool = False
    answer_pending: bool = False


def valid_actions(text: str, session_id: str) -> Sequence[Action]:
    """Return the actions of JSON without any problem, skipping the linter.

    Return nothing if there is a problem, or may be one.
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
    """Return JSON with at most `MAX_ACTIONS_PER_ANSWER` actions, and an error if it had more."""
    if not isinstance(body, list) or len(body) <= MAX_ACTIONS_PER_ANSWER:
        return body, []
    message = f"has {len(body)} actions: only the first {MAX_ACTIONS_PER_ANSWER} are used"
    return body[:MAX_ACTIONS_PER_ANSWER], [Diagnostic.error("too_many_actions", path, message)]


def executable_actions(body: JsonValue, session_id: str) -> list[Action]:
    """Return the actions that have no error and belong to this session."""
    read = [_executable_action(item, session_id) for item in _items(body)]
    return [action for action in read if action]


def limit_problems(problems: Sequence[Diagnostic], path: str) -> list[Diagnostic]:
    """Return at most `MAX_PROBLEMS` problems, and an error that counts the others."""
    more = len(problems) - MAX_PROBLEMS
    if more <= 0:
        return list(problems)
    rest = Diagnostic.error("more_problems", path, f"has {more} more problems like these")
    return [*problems[:MAX_PROBLEMS], rest]


def slow_warning(ms: float) -> Diagnostic:
    """Return the warning for an answer that is slow but within the deadline."""
    message = f"answered after {format_seconds(ms)}: the caller hears the silence"
    return Diagnostic.warning("slow", "", message)


def _executable_action(item: object, session_id: str) -> Action | None:
    """Return the action that the service executes, or None for an invalid one."""
    if not is_object(item):
        return None
    members = dict(item)
    errors = _errors(members, session_id)
    if errors and all(error.path.split("/")[1:2] == ["vad"] for error in errors):
        # The service is documented to ignore `vad` values out of range.
        del members["vad"]
        errors = _errors(members, session_id)
    return None if errors else ACTION_TYPES[str(members["type"])].model_validate(members)


def _errors(item: object, session_id: str) -> list[Diagnostic]:
    return [each for each in lint_answer(item, session_id) if each.severity == "error"]


def _items(body: JsonValue) -> list[Any]:
    return cast("list[Any]", body if isinstance(body, list) else [body])
