"""What a bot answered to a request, judged as the service would take it, and more strictly."""

from collections.abc import Mapping
from typing import Any

from aiflow.errors import InvalidEvent
from aiflow.protocol.json_codec import decode
from aiflow.protocol.lint import Diagnostic, lint_response
from aiflow.protocol.types import JsonValue
from aiflow_local.simulator.engine.body_validation import (
    Judgement,
    bounded,
    cut,
    flawless,
    obeyed,
    slow,
)
from aiflow_local.simulator.engine.bot_port import UNHEARD, Answered, Failed
from aiflow_local.simulator.engine.formatting import seconds
from aiflow_local.simulator.engine.options import Switches

_OK, _NO_CONTENT, _SERVER_ERROR = 200, 204, 500


def judge(outcome: Answered | Failed, event: Mapping[str, Any], switches: Switches) -> Judgement:
    """Judge what came back for an event; actions that are wrong, or of others, are left out."""
    if isinstance(outcome, Failed):
        return judge_failure(outcome)
    if outcome.ms > switches.answer_deadline_ms:
        return Judgement(problems=[_too_late(outcome.ms, switches)], is_lost=True)
    judgement = _flawless(outcome, event) or _judged(outcome, event["session"]["id"])
    problems = bounded(judgement.problems, "/body")
    if outcome.ms > switches.slow_answer_ms:
        problems.append(slow(outcome.ms))
    if event["type"] in UNHEARD and outcome.status == _OK and outcome.body.strip():
        message = f"is not read after {event['type']}: answer 204 without a body"
        return Judgement(
            problems=[*problems, Diagnostic.warning("ignored_answer", "/body", message)]
        )
    return Judgement(judgement.actions, problems, is_lost=outcome.status >= _SERVER_ERROR)


def judge_failure(failed: Failed) -> Judgement:
    """Judge that there is no answer."""
    problems = [Diagnostic.error(failed.code, "", failed.reason)]
    return Judgement(problems=problems, is_lost=True, is_final=failed.is_final)


def _too_late(ms: float, switches: Switches) -> Diagnostic:
    deadline = seconds(switches.answer_deadline_ms)
    message = f"answered after {seconds(ms)}: the service waits {deadline}, and does not obey it"
    return Diagnostic.error("too_late", "", message)


def _flawless(outcome: Answered, event: Mapping[str, Any]) -> Judgement | None:
    """Return the judgement on an answer that nothing is wrong with: it need not be looked for."""
    if outcome.status == _NO_CONTENT and not outcome.body:
        return Judgement()
    if outcome.status != _OK or not _is_json(outcome.headers):
        return None
    actions = flawless(outcome.body, event["session"]["id"])
    return Judgement(actions) if actions else None


def _judged(outcome: Answered, session_id: str) -> Judgement:
    """Return the judgement of the linter, and the actions that it finds no error in."""
    body, problems = cut(_body(outcome), "/body")
    response = {"status": outcome.status, "headers": outcome.headers, "body": body}
    problems += lint_response(response, session_id)
    if outcome.status != _OK or isinstance(body, str):
        return Judgement(problems=problems)
    return Judgement(obeyed(body, session_id), problems)


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


def _is_json(headers: Mapping[str, str]) -> bool:
    """Tell whether the linter would have something to say about the type of the content."""
    for name, value in headers.items():
        if name.lower() == "content-type":
            return value.partition(";")[0].strip().lower() == "application/json"
    return False
