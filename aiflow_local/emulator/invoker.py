"""Invokes functions for the WebSocket API, and measures each invocation."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from uuid import uuid4

from aiflow.protocol.types import JsonObject, JsonValue
from aiflow.telemetry import EventReport
from aiflow_local.emulator.connections import count_sent_messages
from aiflow_local.emulator.lambda_function import Function, FunctionError

# The limit of API Gateway; after it, the function keeps running and may still send messages.
_INTEGRATION_TIMEOUT_SECONDS = 29
OK, FAILED, TIMED_OUT = 200, 500, 504


@dataclass(frozen=True, kw_only=True)
class InvocationResult:
    """The result of an invocation.

    Attributes:
        status: 200 for success, 500 for a failure, 504 for a timeout.
        answer: The answer of the function.
        sent: The number of messages that it sent.
        ms: The duration in milliseconds.
        report: The report of the layer; None if no function of the layer was invoked.
    """

    status: int
    answer: JsonValue
    sent: int
    ms: float
    report: EventReport | None


NOT_INVOKED = InvocationResult(status=OK, answer=None, sent=0, ms=0, report=None)
"""The result if there is no function to invoke."""


@dataclass(frozen=True)
class Invoker:
    """Invokes functions.

    Attributes:
        on_error: Called with each failure.
        take_report: Returns the report of the layer for an invocation id.
    """

    on_error: Callable[[str], None]
    take_report: Callable[[str], EventReport | None]

    async def __call__(self, function: Function, event: JsonObject) -> InvocationResult:
        """Invoke a function, and wait for its answer."""
        begun, invocation_id = time.monotonic(), str(uuid4())
        status, answer = OK, None
        with count_sent_messages() as sent:
            try:
                async with asyncio.timeout(_INTEGRATION_TIMEOUT_SECONDS):
                    answer = await function.invoke(event, invocation_id)
            except TimeoutError:
                status = TIMED_OUT
            except FunctionError as error:
                status, sent.is_ended = FAILED, True
                self.on_error(str(error))
        return InvocationResult(
            status=status,
            answer=answer,
            sent=sent.count,
            ms=(time.monotonic() - begun) * 1000,
            report=self.take_report(invocation_id),
        )
