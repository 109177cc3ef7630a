"""Emulates Lambda functions: each invocation runs in a thread of its own."""

import asyncio
import json
import time
from concurrent.futures import Future
from contextvars import copy_context
from dataclasses import dataclass, field
from threading import Thread

from aiflow.protocol.types import JsonObject, JsonValue
from aiflow_local.emulator.module_loader import Handler, explain
from aiflow_local.stack.intrinsics import ACCOUNT_ID, REGION
from aiflow_local.stack.template import FunctionSpec


class FunctionError(Exception):
    """An invocation that ended without a valid answer; the message is for the developer."""


@dataclass(frozen=True)
class LambdaContext:
    """The context object of an invocation.

    Attributes:
        function_name: The logical id of the function.
        memory_limit_in_mb: The memory size in the template.
        aws_request_id: The unique id of the invocation.
        deadline: The time of the timeout, in seconds of the monotonic clock.
    """

    function_name: str
    memory_limit_in_mb: int
    aws_request_id: str
    deadline: float
    function_version: str = field(default="$LATEST", init=False)

    @property
    def invoked_function_arn(self) -> str:
        """The ARN of the function."""
        return f"arn:aws:lambda:{REGION}:{ACCOUNT_ID}:function:{self.function_name}"

    @property
    def log_group_name(self) -> str:
        """The name of the log group."""
        return f"/aws/lambda/{self.function_name}"

    @property
    def log_stream_name(self) -> str:
        """The name of the log stream."""
        return "local"

    def get_remaining_time_in_millis(self) -> int:
        """Return the time until the timeout."""
        return max(0, int((self.deadline - time.monotonic()) * 1000))


@dataclass(frozen=True)
class Function:
    """A Lambda function.

    Attributes:
        spec: Its definition in the template.
        handler: Its handler.
    """

    spec: FunctionSpec
    handler: Handler

    async def invoke(self, event: JsonObject, request_id: str) -> JsonValue:
        """Run the handler, and return its answer after a JSON round trip, as on AWS.

        Raises:
            FunctionError: The handler raised, timed out, or returned a value that is not JSON.
        """
        seconds = self.spec.timeout_seconds
        context = LambdaContext(
            self.spec.name, self.spec.memory_mb, request_id, time.monotonic() + seconds
        )
        answer: Future[str] = Future()
        # The thread copies the context, so that its messages are counted for this invocation.
        run = copy_context().run
        # A daemon thread, so that an endless handler does not keep the process alive.
        Thread(target=run, args=(self._run, answer, event, context), daemon=True).start()
        try:
            text = await asyncio.wait_for(asyncio.wrap_future(answer), seconds)
        except TimeoutError:
            raise FunctionError(f"{self.spec.name} timed out after {seconds:g} s") from None
        result: JsonValue = json.loads(text)
        return result

    def _run(self, answer: Future[str], event: JsonObject, context: LambdaContext) -> None:
        answer.set_running_or_notify_cancel()
        try:
            answer.set_result(json.dumps(self.handler(event, context)))
        except BaseException as error:  # noqa: BLE001 - a handler can raise anything
            answer.set_exception(FunctionError(f"{self.spec.name} failed.\n{explain(error)}"))
