"""Patience: how long the caller waits for an answer, and who may use up how much of it."""

from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass

from aiflow.pipeline.runtime import Invocation, Runtime
from aiflow.telemetry import EventReport, Phase

_RESERVE_SECONDS = 0.5
# Of the deadline: for two requests to a table that is well, and for the way out.
_KEEPING_SECONDS = 0.3
_LEAVING_SECONDS = 0.05
# A handler that is asked once more, since somebody else was faster, may well be quick this time.
_LEAST_FILLER_SECONDS = 0.2


@dataclass(frozen=True)
class Deadlines:
    """That of the caller, from the arrival of an event on.

    Attributes:
        runtime: limits the time.
        invocation: the run of the function.
        report: told how long the handler takes.
        is_awaited: whether the caller waits for us.
        can_be_filled: whether something can be said before the answer.
    """

    runtime: Runtime
    invocation: Invocation
    report: EventReport
    is_awaited: bool
    can_be_filled: bool

    @contextmanager
    def handling(self, since: float) -> Generator[None]:
        """Let the handler run, on the clock and not for ever: the caller has waited since then.

        Raises:
            DeadlineExceeded: it took longer.
        """
        limit = self.runtime.time_limit(self.seconds(since))
        with self.report.timing(Phase.HANDLER, self.runtime.now), limit:
            yield

    def storing(self) -> AbstractContextManager[None]:
        """Let the store be asked for as long as the caller may wait; not at all when that is over.

        Raises:
            DeadlineExceeded: it is over, or was before the answer came.
        """
        if not self.is_awaited:
            return nullcontext()
        runtime, invocation = self.runtime, self.invocation
        patience = min(runtime.settings.answer_deadline_seconds, invocation.remaining_seconds)
        ends = invocation.arrived_at + patience - _LEAVING_SECONDS
        return runtime.store_limit(ends - runtime.now())

    def filling(self, act: Callable[[], None]) -> AbstractContextManager[None]:
        """Do something if what is awaited takes its time; once, and before the block is over."""
        runtime = self.runtime
        after = runtime.settings.filler_after_seconds
        if not (after and self.can_be_filled):
            return nullcontext()
        waited = runtime.now() - self.invocation.arrived_at
        return runtime.meanwhile(max(after - waited, _LEAST_FILLER_SECONDS), act)

    def seconds(self, since: float) -> float:
        """Return how long the handler has: the caller has waited since then."""
        invocation, now = self.invocation, self.runtime.now()
        ends = invocation.arrived_at + invocation.remaining_seconds - _RESERVE_SECONDS
        heard = since + self.runtime.settings.answer_deadline_seconds
        return min(heard - _KEEPING_SECONDS, ends) - now
