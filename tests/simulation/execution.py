"""What is simulated, and what came of it."""

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
    """What is simulated.

    Attributes:
        seed: of everything that chance decides.
        calls: how many there are.
        rates: how often what goes wrong; None draws that from the seed.
        habits: of service and callers; None draws them from the seed.
        only_calls: the numbers of those that are made; None for all.
        only_faults: the names of those that may happen; None for all.
        outage: a time without table.
        make_store: makes the store of an instance.
        make_agents: makes who answers.
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
    """A call whose id came again after it had expired.

    Attributes:
        session_id: of both.
        before: what was kept.
        after: what is kept now.
    """

    session_id: str
    before: Item
    after: Item


@dataclass
class Execution:
    """What came of a plan.

    Attributes:
        plan: that it came of.
        cloud: as it is at the end.
        record: everything that happened.
        faults: with all that were injected.
        doors: by the number of a call, through which its events went.
        agent_names: by the number of a call, of the agent.
        habits: of service and callers.
        expected_invocations: how many invocations the network asked for, lost ones aside and copies included.
        revenants: calls whose id came again after they had expired: their items before and after.
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
