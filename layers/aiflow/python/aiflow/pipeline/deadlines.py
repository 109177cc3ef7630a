"""Deadlines: how long an answer may take, and how much of that the handler and the store get."""

from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass

from aiflow.pipeline.runtime import Invocation, Runtime
from aiflow.telemetry import EventReport, Phase

_PLATFORM_RESERVE_SECONDS = 0.5
# Part of the deadline: two requests to a healthy table, and sending the answer.
_COMMIT_RESERVE_SECONDS = 0.3
_SEND_RESERVE_SECONDS = 0.05
# A handler that runs again after a conflict may well be fast this time.
_MIN_FILLER_SECONDS = 0.2


@dataclass(frozen=True)
class Deadlines:
    """The time budget of one event, from its arrival.

    Attributes:
        runtime: limits the time.
        invocation: of the function.
        report: records how long the handler takes.
        is_awaited: whether the caller waits for an answer.
        can_send_filler: whether something can be sent before the answer.
    """

    runtime: Runtime
    invocation: Invocation
    report: EventReport
    is_awaited: bool
    can_send_filler: bool

    @contextmanager
    def handler_timeout(self, since: float) -> Generator[None]:
        """Limit the handler, and time it; the caller has waited since this Unix time.

        Raises:
            DeadlineExceeded: the time is over.
        """
        limit = self.runtime.time_limit(self.handler_seconds(since))
        with self.report.timing(Phase.HANDLER, self.runtime.now), limit:
            yield

    def store_timeout(self) -> AbstractContextManager[None]:
        """Limit store calls to the time left before the answer deadline.

        Raises:
            DeadlineExceeded: the time is over.
        """
        if not self.is_awaited:
            return nullcontext()
        runtime, invocation = self.runtime, self.invocation
        seconds = min(runtime.settings.answer_deadline_seconds, invocation.remaining_seconds)
        ends_at = invocation.arrived_at + seconds - _SEND_RESERVE_SECONDS
        return runtime.store_limit(ends_at - runtime.now())

    def filler_timer(self, send_filler: Callable[[], None]) -> AbstractContextManager[None]:
        """Send the filler once if the block takes too long."""
        runtime = self.runtime
        after = runtime.settings.filler_after_seconds
        if not (after and self.can_send_filler):
            return nullcontext()
        waited = runtime.now() - self.invocation.arrived_at
        return runtime.run_if_slow(max(after - waited, _MIN_FILLER_SECONDS), send_filler)

    def handler_seconds(self, since: float) -> float:
        """Return how long the handler may take; the caller has waited since this Unix time."""
        invocation, now = self.invocation, self.runtime.now()
        platform_end = (
            invocation.arrived_at + invocation.remaining_seconds - _PLATFORM_RESERVE_SECONDS
        )
        deadline = since + self.runtime.settings.answer_deadline_seconds
        return min(deadline - _COMMIT_RESERVE_SECONDS, platform_end) - now
