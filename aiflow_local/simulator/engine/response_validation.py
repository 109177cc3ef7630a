"""Validates HTTP responses of a bot as the service does, and more strictly."""

from collections.abc import Mapping
from typing import Any

from aiflow.errors import InvalidEvent
from aiflow.protocol.json_codec import decode
from aiflow.protocol.lint import Diagnostic, lint_response
from aiflow.protocol.types import JsonValue
from aiflow_local.simulator.engine.body_validation import (
    ValidationResult,
    executable_actions,
    limit_problems,
    slow_warning,
    truncate_actions,
    valid_actions,
)
from aiflow_local.simulator.engine.bot_connection import (
    EVENTS_WITHOUT_ANSWER,
    DeliveryFailure,
    HttpResponse,
)
from aiflow_local.simulator.engine.formatting import format_seconds
from aiflow_local.simulator.engine.options import ServiceOptions

_OK, _NO_CONTENT, _SERVER_ERROR = 200, 204, 500
_REDIRECTS = range(300, 400)
UNAUTHORIZED_REMEDY = "give it with --token"
"""What to do about a rejected token; a command without that option says something else."""
WRONG_TOKEN = f"the API token is missing or wrong: {UNAUTHORIZED_REMEDY}"
_REMEDIES: Mapping[int, str] = {
    401: WRONG_TOKEN,
    403: "the bot does not accept this account or this token",
    404: "nothing is served at this path: the URL often ends in /webhook",
    405: "this path does not accept POST",
    413: "the event is too large for the bot",
    415: "the bot does not accept application/json",
}


def validate_response(
    outcome: HttpResponse | DeliveryFailure, event: Mapping[str, Any], options: ServiceOptions
) -> ValidationResult:
    """Validate a response; leave out actions that are invalid or of another session."""
    if isinstance(outcome, DeliveryFailure):
        return failure_result(outcome)
    if outcome.ms > options.answer_deadline_ms:
        return ValidationResult(problems=[_too_late(outcome.ms, options)], request_failed=True)
    result = _fast_result(outcome, event) or _validated(outcome, event["session"]["id"])
    problems = limit_problems(result.problems, "/body")
    if outcome.ms > options.slow_answer_ms:
        problems.append(slow_warning(outcome.ms))
    if event["type"] in EVENTS_WITHOUT_ANSWER and outcome.status == _OK and outcome.body.strip():
        message = f"is not read after {event['type']}: answer 204 without a body"
        return ValidationResult(
            problems=[*problems, Diagnostic.warning("ignored_answer", "/body", message)]
        )
    return ValidationResult(
        result.actions, problems, request_failed=outcome.status >= _SERVER_ERROR
    )


def failure_result(failed: DeliveryFailure) -> ValidationResult:
    """Return the result for a request without a response."""
    problems = [Diagnostic.error(failed.code, "", failed.reason)]
    return ValidationResult(
        problems=problems, request_failed=True, is_permanent=failed.is_permanent
    )


def _too_late(ms: float, options: ServiceOptions) -> Diagnostic:
    deadline = format_seconds(options.answer_deadline_ms)
    message = (
        f"answered after {format_seconds(ms)}: the service waits {deadline} and ignores the answer"
    )
    return Diagnostic.error("too_late", "", message)


def _fast_result(outcome: HttpResponse, event: Mapping[str, Any]) -> ValidationResult | None:
    """Return the result for a response without any problem, skipping the linter."""
    if outcome.status == _NO_CONTENT and not outcome.body:
        return ValidationResult()
    if outcome.status != _OK or not _is_json(outcome.headers):
        return None
    actions = valid_actions(outcome.body, event["session"]["id"])
    return ValidationResult(actions) if actions else None


def _validated(outcome: HttpResponse, session_id: str) -> ValidationResult:
    """Return the problems that the linter finds, and the actions without errors."""
    if problem := _explained(outcome):
        return ValidationResult(problems=[problem])
    body, problems = truncate_actions(_body(outcome), "/body")
    response = {"status": outcome.status, "headers": outcome.headers, "body": body}
    problems += lint_response(response, session_id)
    if outcome.status != _OK or isinstance(body, str):
        return ValidationResult(problems=problems)
    return ValidationResult(executable_actions(body, session_id), problems)


def _explained(outcome: HttpResponse) -> Diagnostic | None:
    """Explain a bad status or a web page."""
    status = outcome.status
    if status == _OK and _is_web_page(outcome):
        message = "must be an action, but is a web page: is this the right URL?"
        return Diagnostic.error("html", "/body", message)
    if status in {_OK, _NO_CONTENT}:
        return None
    if status in _REDIRECTS:
        why = "redirects are not followed: give the URL that this one leads to"
    elif status >= _SERVER_ERROR:
        why = "the bot failed, and the caller hears nothing"
    else:
        why = _REMEDIES.get(status, "")
    message = f"is {status}, but must be 200 or 204{'; ' if why else ''}{why}"
    return Diagnostic.error("bad_status", "/status", message)


def _body(outcome: HttpResponse) -> JsonValue:
    """Return the body as JSON, or as text if it is not JSON or the service ignores it."""
    if outcome.status != _OK:
        return outcome.body
    try:
        body = decode(outcome.body)
    except InvalidEvent:
        return outcome.body
    # The linter parses a string as JSON, and reads null as an absent body.
    return outcome.body if body is None or isinstance(body, str) else body


def _is_json(headers: Mapping[str, str]) -> bool:
    """Tell whether the content type is that of JSON."""
    return _content_type(headers) == "application/json"


def _is_web_page(outcome: HttpResponse) -> bool:
    return "html" in _content_type(outcome.headers) and isinstance(_body(outcome), str)


def _content_type(headers: Mapping[str, str]) -> str:
    values = (value for name, value in headers.items() if name.lower() == "content-type")
    return next(values, "").partition(";")[0].strip().lower()
