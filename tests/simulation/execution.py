"""The plan of a simulation and its execution."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

from aiflow.entrypoints.event import Entrypoint
from tests.simulation.agents import agents
from tests.simulation.behaviour import Behaviour
from tests.simulation.dynamodb_table import Item
from tests.simulation.fake_aws import FakeAws, MakeStore, Outage, production_store
from tests.simulation.faults import Fault, FaultInjector
from tests.simulation.trace import Trace

type MakeAgents = Callable[[FakeAws], Mapping[str, Entrypoint]]


@dataclass(frozen=True)
class Plan:
    """Input of a simulation.

    Attributes:
        seed: seed of all random draws.
        calls: number of calls.
        rates: rate of each fault; None draws them from the seed.
        behaviour: of service and callers; None draws it from the seed.
        only_calls: numbers of the calls to run; None for all.
        only_faults: names of the faults that may occur; None for all.
        outage: a period without the table.
        make_store: makes the store of an instance.
        make_agents: makes the entrypoints of the agents.
    """

    seed: int
    calls: int = 50
    rates: Mapping[Fault, float] | None = None
    behaviour: Behaviour | None = None
    only_calls: Collection[int] | None = None
    only_faults: Collection[str] | None = None
    outage: Outage | None = None
    make_store: MakeStore = production_store
    make_agents: MakeAgents = agents


@dataclass(frozen=True)
class ReusedSession:
    """A session id that was used again after its item had expired.

    Attributes:
        session_id: the session id.
        before: the expired item.
        after: the item of the new call.
    """

    session_id: str
    before: Item
    after: Item


@dataclass
class Execution:
    """Result of a plan.

    Attributes:
        plan: the plan.
        aws: the environment at the end.
        trace: everything that was written, sent and read.
        faults: the injector, with all faults that occurred.
        transports: transport of each call, by number.
        agent_names: name of the agent of each call, by number.
        behaviour: of service and callers.
        expected_invocations: number of requests minus losses plus copies.
        reused_sessions: session ids that were used again after they expired.
    """

    plan: Plan
    aws: FakeAws
    trace: Trace
    faults: FaultInjector
    transports: dict[int, str] = field(default_factory=dict[int, str])
    agent_names: dict[int, str] = field(default_factory=dict[int, str])
    behaviour: Behaviour = field(default_factory=Behaviour)
    expected_invocations: int = 0
    reused_sessions: list[ReusedSession] = field(default_factory=list[ReusedSession])
