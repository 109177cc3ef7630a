"""What a bot answered, judged as the service would take it, and more strictly."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from aiflow import Action
from aiflow.protocol.actions import ACTION_TYPES
from aiflow.protocol.lint import Problem, lint_answer, lint_response
from aiflow.protocol.wire import decode
from local.phone.door import Answered, Failed
from local.phone.switches import Switches

_OK = 200


@dataclass(frozen=True)
class Judgement:
    """What is made of an answer.

    Attributes:
        actions: those that are obeyed.
        problems: what is wrong with it.
        must_be_repeated: whether there was no answer in time.
    """

    actions: list[Action] = field(default_factory=list[Action])
    problems: list[Problem] = field(default_factory=list[Problem])
    must_be_repeated: bool = False


def judge(outcome: Answered | Failed, event: Mapping[str, Any], switches: Switches) -> Judgement:
    """Judge what came back for an event; actions of other sessions, and wrong ones, are left out."""
    if isinstance(outcome, Failed):
        problem = Problem(outcome.code, "error", "", outcome.reason)
        return Judgement(problems=[problem], must_be_repeated=True)
    if outcome.ms > switches.answer_deadline_ms:
        problem = Problem("too_late", "error", "", f"answered after {outcome.ms:.0f} ms")
        return Judgement(problems=[problem], must_be_repeated=True)
    session_id = event["session"]["id"]
    response = {"status": outcome.status, "headers": outcome.headers, "body": outcome.body}
    problems = lint_response(response, session_id)
    if outcome.ms > switches.slow_answer_ms:
        message = f"took {outcome.ms:.0f} ms: the caller hears the silence"
        problems.append(Problem("slow", "warning", "", message))
    actions = _obeyed(outcome, session_id)
    if event["type"] in {"session_end", "user_speech_started"} and actions:
        message = f"is not read: nothing is obeyed after {event['type']}"
        return Judgement(problems=[*problems, Problem("ignored_answer", "warning", "", message)])
    return Judgement(actions, problems, must_be_repeated=outcome.status >= 500)  # noqa: PLR2004


def _obeyed(outcome: Answered, session_id: str) -> list[Action]:
    """Return the actions that nothing is wrong with."""
    if outcome.status != _OK:
        return []
    response = {"status": _OK, "headers": {}, "body": outcome.body}
    if any(problem.code in {"not_json", "empty_body"} for problem in lint_response(response)):
        return []
    body = decode(outcome.body)
    return [
        ACTION_TYPES[str(item["type"])].model_validate(item)
        for item in (body if isinstance(body, list) else [body])
        if isinstance(item, dict) and not _errors(item, session_id)
    ]


def _errors(item: object, session_id: str) -> bool:
    return any(problem.severity == "error" for problem in lint_answer(item, session_id))
