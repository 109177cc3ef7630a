"""The sweeper: closes calls whose `session_end` never came, each exactly once."""

from collections.abc import Callable, Mapping
from typing import Any

from aiflow.bootstrap import default_runtime, default_session_store, eager_on_lambda
from aiflow.domain import transitions
from aiflow.entrypoints.event import Entrypoint
from aiflow.errors import StoreUnavailable
from aiflow.pipeline.runtime import Context, Invocation, Runtime
from aiflow.sessions.store import OpenCallFinder
from aiflow.telemetry import EventReport

_RESERVE_SECONDS = 1.0


class Sweeper:
    """A Lambda handler that a schedule invokes; `sweeper` makes it.

    Args:
        ending: the handler of `session_end`.
        runtime: returns what the road needs from outside.
        calls: returns where calls are found that have not ended.
    """

    def __init__(
        self,
        ending: Entrypoint,
        runtime: Callable[[], Runtime],
        calls: Callable[[], OpenCallFinder],
    ) -> None:
        self._ending = ending
        self._runtime = runtime
        self._calls = calls

    def bind(self, runtime: Runtime, calls: OpenCallFinder) -> "Sweeper":
        """Return the same sweeper on another runtime: for tests, and for your own machine."""
        return Sweeper(self._ending, lambda: runtime, lambda: calls)

    def __call__(self, schedule: Mapping[str, Any], context: Context) -> None:
        """Close what has been abandoned, the oldest first, as far as the time reaches.

        What is left over, or went wrong, is found again by the next run.
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
        patience = runtime.settings.abandoned_after_seconds
        needed = runtime.settings.answer_deadline_seconds + _RESERVE_SECONDS
        begun_before = int((runtime.now() - patience) * 1000) + 1
        for session_id in self._calls().open_calls(begun_before):
            arrived_at = runtime.now()
            remaining = context.get_remaining_time_in_millis() / 1000
            if remaining < needed:
                return
            item = runtime.sessions.load(session_id)
            if item and transitions.idle_seconds(item, int(arrived_at * 1000)) >= patience:
                invocation = Invocation(
                    id=context.aws_request_id, arrived_at=arrived_at, remaining_seconds=remaining
                )
                self._ending.close(item, runtime, invocation)


def sweeper(ending: Entrypoint) -> Sweeper:
    """Make the Lambda handler that closes abandoned calls, by the handler of `session_end`.

    Raises:
        SettingsError: on Lambda, at start-up, when the environment is not complete.
    """
    return Sweeper(ending, eager_on_lambda(default_runtime), default_session_store)
