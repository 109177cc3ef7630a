"""Invocations for the WebSocket: their answer, what they sent, and how they went."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from uuid import uuid4

from aiflow.protocol.types import JsonObject, JsonValue
from aiflow.telemetry import EventReport
from aiflow_local.emulator.connections import counting
from aiflow_local.emulator.lambda_function import Function, FunctionFailed

# Of an integration of a WebSocket API. The function goes on, and may still send.
_INTEGRATION_TIMEOUT_SECONDS = 29
OK, FAILED, TIMED_OUT = 200, 500, 504


@dataclass(frozen=True, kw_only=True)
class Invoked:
    """How an invocation went.

    Attributes:
        status: 200, 500 when it failed, 504 when it took too long.
        answer: of the function.
        sent: how many messages it sent.
        ms: how long it took, in milliseconds.
        report: what the layer says of it, if it was asked.
    """

    status: int
    answer: JsonValue
    sent: int
    ms: float
    report: EventReport | None


NOT_INVOKED = Invoked(status=OK, answer=None, sent=0, ms=0, report=None)
"""Nothing had to be asked."""


@dataclass(frozen=True)
class Invoker:
    """Invokes functions.

    Attributes:
        complain: told of each failure.
        take_report: returns what the layer said of an invocation, by its id.
    """

    complain: Callable[[str], None]
    take_report: Callable[[str], EventReport | None]

    async def __call__(self, function: Function, event: JsonObject) -> Invoked:
        """Invoke a function, and wait until it is over."""
        begun, invocation_id = time.monotonic(), str(uuid4())
        status, answer = OK, None
        with counting() as sent:
            try:
                async with asyncio.timeout(_INTEGRATION_TIMEOUT_SECONDS):
                    answer = await function.invoke(event, invocation_id)
            except TimeoutError:
                status = TIMED_OUT
            except FunctionFailed as failure:
                status, sent.over = FAILED, True
                self.complain(str(failure))
        return Invoked(
            status=status,
            answer=answer,
            sent=sent.count,
            ms=(time.monotonic() - begun) * 1000,
            report=self.take_report(invocation_id),
        )
