"""Validates WebSocket messages of a bot as strictly as HTTP responses.

A message is never too late, since a bot may send actions at any time.
"""

from collections.abc import Mapping

from aiflow.errors import InvalidEvent
from aiflow.protocol.actions import ACTION_TYPES
from aiflow.protocol.json_codec import decode
from aiflow.protocol.lint import Diagnostic, lint_answer
from aiflow.protocol.types import JsonValue
from aiflow_local.simulator.engine.body_validation import (
    ValidationResult,
    executable_actions,
    limit_problems,
    slow_warning,
    truncate_actions,
    valid_actions,
)
from aiflow_local.simulator.engine.bot_connection import WebSocketMessage
from aiflow_local.simulator.engine.formatting import quote
from aiflow_local.simulator.engine.options import ServiceOptions

NOT_AN_ACTION_MESSAGE = "chatter"
"""Code of a message that the service ignores, like `{"type": "connected"}`."""

_OF_API_GATEWAY = frozenset({"message", "connectionId", "requestId"})


def validate_message(
    message: WebSocketMessage, session_id: str, options: ServiceOptions
) -> ValidationResult:
    """Validate a message; leave out actions that are invalid or of another session."""
    result = _validated(message.content, session_id)
    problems = limit_problems(result.problems, "")
    if message.ms is not None and message.ms > options.slow_answer_ms:
        problems.append(slow_warning(message.ms))
    return ValidationResult(result.actions, problems, request_failed=result.request_failed)


def is_not_an_action(content: str | bytes) -> bool:
    """Tell whether a message is JSON that is not meant as an action."""
    try:
        body = decode(content) if isinstance(content, str) else None
    except InvalidEvent:
        return False
    return isinstance(body, dict) and not _is_of_api_gateway(body) and _is_idle(body)


def _validated(content: str | bytes, session_id: str) -> ValidationResult:
    if isinstance(content, bytes):
        return _wrong("binary", "is a binary message: actions are JSON in text messages")
    if actions := valid_actions(content, session_id):
        return ValidationResult(actions)
    try:
        body = decode(content)
    except InvalidEvent as error:
        return _wrong("not_json", f"must be an action as JSON, but {_WHY.get(error.reason, _ODD)}")
    if isinstance(body, dict) and _is_of_api_gateway(body):
        return _wrong("api_gateway", _failure(body), request_failed=True)
    warning = _warning(content, body)
    if warning:
        return ValidationResult(problems=[warning])
    body, problems = truncate_actions(body, "")
    return ValidationResult(
        executable_actions(body, session_id), [*problems, *lint_answer(body, session_id)]
    )


def _is_of_api_gateway(body: Mapping[str, JsonValue]) -> bool:
    return not _OF_API_GATEWAY.symmetric_difference(body)


def _is_idle(body: Mapping[str, JsonValue]) -> bool:
    name = body.get("type")
    return "session_id" not in body and not (isinstance(name, str) and name in ACTION_TYPES)


def _failure(body: Mapping[str, JsonValue]) -> str:
    """Explain the error that API Gateway sends for a failed function."""
    text = f"is an error of API Gateway, {quote(str(body['message']))}"
    return f"{text}: see the log of the function"


def _warning(content: str, body: JsonValue) -> Diagnostic | None:
    """Return the warning for a harmless message without actions."""
    if is_not_an_action(content):
        return Diagnostic.warning(
            NOT_AN_ACTION_MESSAGE, "", "is not an action: the service ignores it"
        )
    if body == []:
        return Diagnostic.warning(
            "empty_array", "", "has no effect: send no message if there is nothing to do"
        )
    return None


def _wrong(code: str, text: str, *, request_failed: bool = False) -> ValidationResult:
    return ValidationResult(
        problems=[Diagnostic.error(code, "", text)], request_failed=request_failed
    )


_ODD = "is ambiguous JSON"
_WHY = {"empty": "is empty", "bad_json": "is not JSON", "too_deep": "is nested too deeply"}
