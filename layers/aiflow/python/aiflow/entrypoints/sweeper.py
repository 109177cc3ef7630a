"""The Lambda handler that closes abandoned calls: those whose `session_end` never arrives."""

from collections.abc import Callable, Mapping
from typing import Any

from aiflow.bootstrap import default_runtime, default_session_store, eager_on_lambda
from aiflow.domain.transitions import idle_seconds
from aiflow.entrypoints.event import Entrypoint, entrypoint
from aiflow.entrypoints.handler_loader import load_handler
from aiflow.errors import StoreUnavailable
from aiflow.pipeline.runtime import Context, Invocation, Runtime
from aiflow.sessions.record import Status
from aiflow.sessions.store import OpenCallFinder
from aiflow.telemetry import EventReport

_RESERVE_SECONDS = 1.0


class Sweeper:
    """A Lambda handler that a schedule invokes; it closes each abandoned call exactly once.

    Args:
        session_end: the entrypoint of the `session_end` handler.
        runtime: returns the dependencies of an event.
        calls: returns the index of the calls that have not ended.
    """

    def __init__(
        self,
        session_end: Entrypoint,
        runtime: Callable[[], Runtime],
        calls: Callable[[], OpenCallFinder],
    ) -> None:
        self._session_end = session_end
        self._runtime = runtime
        self._calls = calls

    def bind(self, runtime: Runtime, calls: OpenCallFinder) -> "Sweeper":
        """Return a sweeper on another runtime, for tests."""
        return Sweeper(self._session_end, lambda: runtime, lambda: calls)

    def __call__(self, schedule: Mapping[str, Any], context: Context) -> None:
        """Close the abandoned calls, oldest first, while the time of the invocation allows it.

        The next run finds the calls that remain, and those that failed.
        """
        del schedule
        runtime = self._runtime()
        try:
            self._sweep(runtime, context)
        except StoreUnavailable as error:
            report = EventReport(request_id=context.aws_request_id)
            report.failed("store", error)
            runtime.telemetry.write(report, 0)

    def _sweep(self, runtime: Runtime, context: Context) -> None:
        threshold = runtime.settings.abandoned_after_seconds
        needed = runtime.settings.answer_deadline_seconds + _RESERVE_SECONDS
        begun_before = int((runtime.now() - threshold) * 1000) + 1
        for session_id in self._calls().open_calls(begun_before):
            arrived_at = runtime.now()
            remaining = context.get_remaining_time_in_millis() / 1000
            if remaining < needed:
                return
            item = runtime.sessions.load(session_id)
            if item is None or item.status is Status.ENDED:
                continue
            if idle_seconds(item, int(arrived_at * 1000)) >= threshold:
                invocation = Invocation(
                    id=context.aws_request_id, arrived_at=arrived_at, remaining_seconds=remaining
                )
                self._session_end.close(item, runtime, invocation)


lambda_handler = Sweeper(
    entrypoint(load_handler("session_end")),
    eager_on_lambda(default_runtime),
    default_session_store,
)
