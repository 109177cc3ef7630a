"""Delivers events to a bot, and records and validates what comes back."""

from typing import Any

from aiflow_local.simulator.engine.body_validation import ValidationResult
from aiflow_local.simulator.engine.bot_connection import (
    BotConnection,
    DeliveryFailure,
    DeliveryResult,
    HttpResponse,
    NoResponse,
    WebSocketMessage,
)
from aiflow_local.simulator.engine.formatting import format_event
from aiflow_local.simulator.engine.message_validation import NOT_AN_ACTION_MESSAGE, validate_message
from aiflow_local.simulator.engine.options import ServiceOptions
from aiflow_local.simulator.engine.response_validation import failure_result, validate_response
from aiflow_local.simulator.engine.transcript import EntryKind, TranscriptWriter


class EventDelivery:
    """Delivers events to a bot.

    Args:
        connection: connection to the bot.
        writer: records events, answers and problems.
    """

    def __init__(self, connection: BotConnection, writer: TranscriptWriter) -> None:
        self.connection = connection
        self._writer = writer
        self._has_warned = False

    def deliver(self, event: dict[str, Any], options: ServiceOptions) -> ValidationResult:
        """Send an event and validate the answer; send it again if the service would."""
        self._writer.record(EntryKind.EVENT, format_event(event), {"event": event})
        result = self._send(event, options)
        if result.request_failed and options.failed_requests == "repeat":
            self._writer.note(f"{event['type']} is sent again")
            result = self._send(event, options)
        return result

    def receive(
        self, arrived: WebSocketMessage | DeliveryFailure, session_id: str, options: ServiceOptions
    ) -> ValidationResult:
        """Record and validate an unsolicited message or failure."""
        if isinstance(arrived, DeliveryFailure):
            return self._record_problems(failure_result(arrived))
        self._record(arrived)
        return self._record_problems(validate_message(arrived, session_id, options))

    def _send(self, event: dict[str, Any], options: ServiceOptions) -> ValidationResult:
        outcome = self.connection.send(event)
        self._record(outcome)
        match outcome:
            case WebSocketMessage():
                return self._record_problems(
                    validate_message(outcome, event["session"]["id"], options)
                )
            case NoResponse():
                return ValidationResult(answer_pending=outcome.answer_pending)
            case _:
                return self._record_problems(validate_response(outcome, event, options))

    def _record(self, outcome: DeliveryResult) -> None:
        writer = self._writer
        match outcome:
            case HttpResponse(status=status, body=body, ms=ms):
                data = {"status": status, "ms": round(ms, 1), "body": body}
                writer.record(EntryKind.ANSWER, f"{status} in {ms:.0f} ms", data)
            case WebSocketMessage(ms=None):
                writer.record(EntryKind.MESSAGE, "unsolicited", {"body": _text(outcome)})
            case WebSocketMessage(ms=float(ms)):
                data = {"ms": round(ms, 1), "body": _text(outcome)}
                writer.record(EntryKind.ANSWER, f"a message in {ms:.0f} ms", data)
            case NoResponse():
                writer.record(EntryKind.ANSWER, "no message", {"ms": 0.0, "body": ""})
            case _:
                # `failure_result` records a failure as a problem.
                pass

    def _record_problems(self, result: ValidationResult) -> ValidationResult:
        for problem in result.problems:
            # Some bots send such a message after each event: one warning is enough.
            if problem.code != NOT_AN_ACTION_MESSAGE or not self._has_warned:
                self._writer.problem(problem)
            self._has_warned = self._has_warned or problem.code == NOT_AN_ACTION_MESSAGE
        return result


def _text(message: WebSocketMessage) -> str:
    content = message.content
    return content if isinstance(content, str) else f"<{len(content)} bytes>"
