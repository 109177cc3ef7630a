"""What a bot sent over a WebSocket, judged as strictly as an answer over HTTP.

Nothing is too late here, since actions may be sent at any time, and nothing is unread.
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
"""The code of a message that means nothing to the service, like `{"type": "connected"}`."""

_OF_API_GATEWAY = frozenset({"message", "connectionId", "requestId"})


def validate_message(
    message: WebSocketMessage, session_id: str, options: ServiceOptions
) -> ValidationResult:
    """Judge a message; actions that are wrong, or of other sessions, are left out."""
    judgement = _validated(message.content, session_id)
    problems = limit_problems(judgement.problems, "")
    if message.ms is not None and message.ms > options.slow_answer_ms:
        problems.append(slow_warning(message.ms))
    return ValidationResult(judgement.actions, problems, is_lost=judgement.is_lost)


def is_not_an_action(content: str | bytes) -> bool:
    """Tell whether a message is no action and is not meant to be one."""
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
        return _wrong("api_gateway", _failure(body), is_lost=True)
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
    """Say what API Gateway sends in place of a function that failed, or that it may not call."""
    told = f"is no action, but an error of API Gateway, {quote(str(body['message']))}"
    return f"{told}: the log of the function says more"


def _warning(content: str, body: JsonValue) -> Diagnostic | None:
    """Return what is to be said of a message that does no harm, and nothing else."""
    if is_not_an_action(content):
        return Diagnostic.warning(
            NOT_AN_ACTION_MESSAGE, "", "is no action, and means nothing to the service"
        )
    if body == []:
        return Diagnostic.warning(
            "empty_array", "", "does nothing: for nothing to do, send nothing"
        )
    return None


def _wrong(code: str, text: str, *, is_lost: bool = False) -> ValidationResult:
    return ValidationResult(problems=[Diagnostic.error(code, "", text)], is_lost=is_lost)


_ODD = "is none that can be read in one way"
_WHY = {"empty": "is empty", "bad_json": "is none", "too_deep": "is nested too deeply"}
