"""A Lambda function: one invocation is one thread, as it is one container on AWS."""

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


class FunctionFailed(Exception):
    """An invocation ended without an answer; the message is what CloudWatch would show."""


@dataclass(frozen=True)
class LambdaContext:
    """What Lambda tells a function about the invocation.

    Attributes:
        function_name: its logical id.
        memory_limit_in_mb: of the template.
        aws_request_id: different for each invocation.
        deadline: when it ends, by the monotonic clock in seconds.
    """

    function_name: str
    memory_limit_in_mb: int
    aws_request_id: str
    deadline: float
    function_version: str = field(default="$LATEST", init=False)

    @property
    def invoked_function_arn(self) -> str:
        """The name of the function within AWS."""
        return f"arn:aws:lambda:{REGION}:{ACCOUNT_ID}:function:{self.function_name}"

    @property
    def log_group_name(self) -> str:
        """Where its log would go."""
        return f"/aws/lambda/{self.function_name}"

    @property
    def log_stream_name(self) -> str:
        """Where in the log group."""
        return "local"

    def get_remaining_time_in_millis(self) -> int:
        """Return how long the invocation may still run."""
        return max(0, int((self.deadline - time.monotonic()) * 1000))


@dataclass(frozen=True)
class Function:
    """A function that can be invoked.

    Attributes:
        spec: what the template says of it.
        handler: its code.
    """

    spec: FunctionSpec
    handler: Handler

    async def invoke(self, event: JsonObject, request_id: str) -> JsonValue:
        """Run the handler and return its answer, through JSON as on AWS.

        Raises:
            FunctionFailed: it raised, ran out of time, or answered what is not JSON.
        """
        seconds = self.spec.timeout_seconds
        context = LambdaContext(
            self.spec.name, self.spec.memory_mb, request_id, time.monotonic() + seconds
        )
        answer: Future[str] = Future()
        # It goes on in the context of who invokes it: so what it sends is known to be its own.
        run = copy_context().run
        # A daemon: an endless handler must not outlive the gateway.
        Thread(target=run, args=(self._run, answer, event, context), daemon=True).start()
        try:
            text = await asyncio.wait_for(asyncio.wrap_future(answer), seconds)
        except TimeoutError:
            message = f"{self.spec.name} did not answer within {seconds:g} s and was given up"
            raise FunctionFailed(message) from None
        result: JsonValue = json.loads(text)
        return result

    def _run(self, answer: Future[str], event: JsonObject, context: LambdaContext) -> None:
        answer.set_running_or_notify_cancel()
        try:
            answer.set_result(json.dumps(self.handler(event, context)))
        except BaseException as error:  # noqa: BLE001 - whatever it is, Lambda survives it
            answer.set_exception(FunctionFailed(f"{self.spec.name} failed.\n{explain(error)}"))
