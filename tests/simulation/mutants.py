"""Mutants: products with one deliberate error each, which an invariant must detect."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Self

from aiflow import Call, Event, Reply, UserSpeak
from aiflow.domain.guards import (
    Guards,
    commit_end_first,
    replay_duplicate,
    send_due_actions,
)
from aiflow.entrypoints.event import Entrypoint, MakeProcessor
from aiflow.pipeline.processor import EventProcessor
from aiflow.pipeline.runtime import Context
from aiflow.telemetry import EventReport
from tests.helpers.in_process import untyped_entrypoint
from tests.simulation.agents import agents
from tests.simulation.execution import MakeAgents
from tests.simulation.fake_aws import FakeAws, MakeStore, production_store
from tests.simulation.mutant_commits import (
    ClosesActiveCalls,
    HandlerBeforeEndCommit,
    KeysAfterAnswer,
    ServerErrors,
)
from tests.simulation.mutant_decisions import (
    FillerWithoutAnswer,
    NoBillableKeys,
    NoLimits,
    NoNumberPolicy,
    RetryWithoutDeadline,
    StartResetsRecord,
)
from tests.simulation.mutant_guards import (
    REPLAY_FIRST,
    replace_guard,
    replay_same_text,
    send_due_again,
    without_guard,
)
from tests.simulation.mutant_recovery import (
    ContinuesStaleAnswer,
    CountsAllFailures,
    DropsFailedTurn,
    IgnoresClosing,
    IgnoresHangup,
    KeepsDeferredActions,
    KeepsFailedState,
    NeverReconnects,
    StaleBillableKeys,
)
from tests.simulation.mutant_stores import (
    NoWriterId,
    OverflowAfterCommit,
    WholeHistoryOverwrite,
    never_expired,
    store_of,
    without_request_field,
)


@dataclass(frozen=True)
class Mutant:
    """A product with an error.

    Attributes:
        violates: the invariant that it violates.
        make_store: makes its store.
        make_agents: makes its agents.
    """

    violates: str
    make_store: MakeStore = production_store
    make_agents: MakeAgents = agents


class LogsHeaders(Entrypoint):
    """Logs the headers of a request, including the token."""

    @classmethod
    def of(cls, right: Entrypoint) -> Self:
        """Return the mutant of an entrypoint."""
        return cls(right.handle, right._answers, right._runtime)  # noqa: SLF001 - a subclass

    def __call__(self, envelope: Mapping[str, Any], context: Context) -> Any:  # noqa: ANN401 - JSON
        """See `Entrypoint.__call__`."""
        report = EventReport(request_id=context.aws_request_id)
        report.details["headers"] = str(envelope.get("headers"))
        self._runtime().telemetry.write(report, 0)
        return super().__call__(envelope, context)


def header_logged(aws: FakeAws) -> Mapping[str, Entrypoint]:
    """Return the agents with an entrypoint that logs headers."""
    return {name: LogsHeaders.of(right) for name, right in agents(aws).items()}


def with_processor(processor: MakeProcessor) -> MakeAgents:
    """Return a factory of agents with this processor."""

    def make(aws: FakeAws) -> Mapping[str, Entrypoint]:
        # Each invocation replaces the runtime but keeps the processor.
        runtime = aws.sweepers[0]
        return {name: right.bind(runtime, processor) for name, right in agents(aws).items()}

    return make


def with_guards(guards: Guards) -> MakeAgents:
    """Return a factory of agents with these guards."""
    return with_processor(partial(EventProcessor, guards=guards))


NO_BILLABLE_KEYS = partial(NoBillableKeys, guards=replace_guard(send_due_actions, send_due_again))


def module_level_session(aws: FakeAws) -> Mapping[str, Entrypoint]:
    """Return an agent that shares the current call between all calls."""
    current: list[Call] = []

    def forgetful(event: Event, call: Call) -> Reply:
        if not isinstance(event, UserSpeak):
            return None
        current[:] = [call]
        call.state.setdefault("said", event.text)
        aws.advance(aws.random.randint(f"{aws.run.call}:model", 50, 750))
        return current[0].speak(f"Heard: {current[0].state['said']}")

    return {"forgetful": untyped_entrypoint(forgetful)}


MUTANTS: Mapping[str, Mutant] = {
    "no fingerprint": Mutant("I1", make_agents=with_guards(without_guard(replay_duplicate))),
    "blind read-modify-write": Mutant(
        "I1", make_store=without_request_field("ConditionExpression")
    ),
    "no writer id": Mutant("I5", make_store=store_of(NoWriterId)),
    "late events rejected after replay": Mutant("I6", make_agents=with_guards(REPLAY_FIRST)),
    "no billable keys": Mutant("I4", make_agents=with_processor(NO_BILLABLE_KEYS)),
    "billable keys stored after the answer": Mutant(
        "I4", make_agents=with_processor(KeysAfterAnswer)
    ),
    "module-level current session": Mutant("I7", make_agents=module_level_session),
    "whole-history overwrite": Mutant("I2", make_store=store_of(WholeHistoryOverwrite)),
    "stale read": Mutant("I2", make_store=without_request_field("ConsistentRead")),
    "session_start resets": Mutant("I2", make_agents=with_processor(StartResetsRecord)),
    "TTL trusted for deletion": Mutant("I8", make_store=never_expired),
    "5xx on store error": Mutant("I9", make_agents=with_processor(ServerErrors)),
    "no limits": Mutant("I10", make_agents=with_processor(NoLimits)),
    "no number policy": Mutant("I11", make_agents=with_processor(NoNumberPolicy)),
    "handler before the commit of the end": Mutant(
        "I15", make_agents=with_processor(HandlerBeforeEndCommit)
    ),
    "sweeper closes active calls": Mutant("I15", make_agents=with_processor(ClosesActiveCalls)),
    "late end without commit first": Mutant(
        "I15", make_agents=with_guards(without_guard(commit_end_first))
    ),
    "filler without an answer": Mutant("I9", make_agents=with_processor(FillerWithoutAnswer)),
    "headers logged": Mutant("I12", make_agents=header_logged),
    "text-only fingerprint": Mutant(
        "I1", make_agents=with_guards(replace_guard(replay_duplicate, replay_same_text))
    ),
    "stale billable keys after a conflict": Mutant(
        "I4", make_agents=with_processor(StaleBillableKeys)
    ),
    "no reconnect": Mutant("I9", make_agents=with_processor(NeverReconnects)),
    "all failures of a call counted": Mutant("I9", make_agents=with_processor(CountsAllFailures)),
    "failed turn dropped": Mutant("I1", make_agents=with_processor(DropsFailedTurn)),
    "state of a failed handler stored": Mutant("I2", make_agents=with_processor(KeepsFailedState)),
    "overflow stored after the commit": Mutant("I2", make_store=store_of(OverflowAfterCommit)),
    "stale answer continued": Mutant("I3", make_agents=with_processor(ContinuesStaleAnswer)),
    "deferred actions kept": Mutant("I5", make_agents=with_processor(KeepsDeferredActions)),
    "hang-up ignored": Mutant("I6", make_agents=with_processor(IgnoresHangup)),
    "closing ignored": Mutant("I10", make_agents=with_processor(IgnoresClosing)),
    "retry without deadline": Mutant("I9", make_agents=with_processor(RetryWithoutDeadline)),
}
"""Mutants by name. Each error occurred in a real product."""
