"""What a bot answered, judged as the service would take it, and more strictly."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from pydantic import ValidationError

from aiflow import Action
from aiflow.errors import InvalidEvent
from aiflow.protocol.actions import ACTION_TYPES
from aiflow.protocol.lint import Problem, lint_actions, lint_answer, lint_response
from aiflow.protocol.rules import is_object
from aiflow.protocol.types import JsonValue
from aiflow.protocol.wire import decode
from local.phone.service.door import Answered, Failed
from local.phone.service.switches import Switches
from local.phone.service.telling import seconds

MOST_ACTIONS = 200
"""In one answer; what comes after them is neither judged nor obeyed."""

UNHEARD = frozenset({"session_end", "user_speech_started"})
"""Events whose answer the service does not read."""

MOST_PROBLEMS = 50
"""In one answer; more are counted."""

_OK, _NO_CONTENT, _SERVER_ERROR = 200, 204, 500


@dataclass(frozen=True)
class Judgement:
    """What is made of an answer.

    Attributes:
        actions: those that are obeyed.
        problems: what is wrong with it.
        is_lost: whether there was no answer in time, or none but an error of the server.
    """

    actions: Sequence[Action] = ()
    problems: Sequence[Problem] = field(default_factory=list[Problem])
    is_lost: bool = False


def judge(outcome: Answered | Failed, event: Mapping[str, Any], switches: Switches) -> Judgement:
    """Judge what came back for an event; actions that are wrong, or of others, are left out."""
    if isinstance(outcome, Failed):
        return Judgement(problems=[Problem.error(outcome.code, "", outcome.reason)], is_lost=True)
    if outcome.ms > switches.answer_deadline_ms:
        return Judgement(problems=[_too_late(outcome.ms, switches)], is_lost=True)
    judgement = _flawless(outcome, event) or _judged(outcome, event["session"]["id"])
    problems = _bounded(judgement.problems)
    if outcome.ms > switches.slow_answer_ms:
        message = f"answered after {seconds(outcome.ms)}: the caller hears the silence"
        problems.append(Problem.warning("slow", "", message))
    if event["type"] in UNHEARD and outcome.status == _OK and outcome.body.strip():
        message = f"is not read after {event['type']}: answer 204 without a body"
        return Judgement(problems=[*problems, Problem.warning("ignored_answer", "/body", message)])
    return Judgement(judgement.actions, problems, is_lost=outcome.status >= _SERVER_ERROR)


def _bounded(problems: Sequence[Problem]) -> list[Problem]:
    more = len(problems) - MOST_PROBLEMS
    if more <= 0:
        return list(problems)
    return [
        *problems[:MOST_PROBLEMS],
        Problem.error("more_problems", "/body", f"has {more} more problems like these"),
    ]


def _too_late(ms: float, switches: Switches) -> Problem:
    deadline = seconds(switches.answer_deadline_ms)
    message = f"answered after {seconds(ms)}: the service waits {deadline}, and does not obey it"
    return Problem.error("too_late", "", message)


def _flawless(outcome: Answered, event: Mapping[str, Any]) -> Judgement | None:
    """Return the judgement on an answer that nothing is wrong with: it need not be looked for."""
    if outcome.status != _OK or not _is_json(outcome.headers) or "null" in outcome.body:
        return Judgement() if outcome.status == _NO_CONTENT and not outcome.body else None
    try:
        items = _items(decode(outcome.body))
        actions = [ACTION_TYPES[item["type"]].model_validate(item) for item in items]
    except (InvalidEvent, ValidationError, LookupError, TypeError):
        return None
    session_id = event["session"]["id"]
    if not actions or len(actions) > MOST_ACTIONS:
        return None
    if any(action.session_id != session_id for action in actions) or lint_actions(actions):
        return None
    return Judgement(actions)


def _judged(outcome: Answered, session_id: str) -> Judgement:
    """Return the judgement of the linter, and the actions that it finds no error in."""
    body = _body(outcome)
    if isinstance(body, list) and len(body) > MOST_ACTIONS:
        message = f"has {len(body)} actions: no more than the first {MOST_ACTIONS} are looked at"
        problems = [Problem.error("too_many_actions", "/body", message)]
        body = body[:MOST_ACTIONS]
    else:
        problems = []
    response = {"status": outcome.status, "headers": outcome.headers, "body": body}
    problems += lint_response(response, session_id)
    if outcome.status != _OK or isinstance(body, str):
        return Judgement(problems=problems)
    read = [_obeyed(item, session_id) for item in _items(body)]
    return Judgement([action for action in read if action], problems)


def _body(outcome: Answered) -> JsonValue:
    """Return the body as JSON; as it came where it is none, or where nobody reads it."""
    if outcome.status != _OK:
        return outcome.body
    try:
        body = decode(outcome.body)
    except InvalidEvent:
        return outcome.body
    # The linter would take a text for JSON that has not been read yet, and null for no body.
    return outcome.body if body is None or isinstance(body, str) else body


def _obeyed(item: object, session_id: str) -> Action | None:
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


def _errors(item: object, session_id: str) -> list[Problem]:
    return [each for each in lint_answer(item, session_id) if each.severity == "error"]


def _items(body: JsonValue) -> list[Any]:
    return cast("list[Any]", body if isinstance(body, list) else [body])


def _is_json(headers: Mapping[str, str]) -> bool:
    """Tell whether the linter would have something to say about the type of the content."""
    for name, value in headers.items():
        if name.lower() == "content-type":
            return value.partition(";")[0].strip().lower() == "application/json"
    return False
