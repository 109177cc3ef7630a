"""Runs one simulation: from a plan to its execution."""

from collections.abc import Mapping
from functools import partial

from aiflow.entrypoints.event import Entrypoint
from tests.simulation.behaviour import Behaviour
from tests.simulation.callers import Caller
from tests.simulation.execution import Execution, Plan, ReusedSession
from tests.simulation.fake_aws import FakeAws
from tests.simulation.faults import FaultInjector, swarm_rates
from tests.simulation.network import Network, SimulatedCall, make_party, service_options
from tests.simulation.randomness import SeededRandom
from tests.simulation.sweeper_schedule import SweeperSchedule
from tests.simulation.trace import Json

REUSED_SESSIONS = 3
"""Number of session ids that are used again after they expired, in each simulation."""

TRANSPORTS = ("http", "http", "rest", "websocket")


def simulate(plan: Plan) -> Execution:
    """Run all calls of a plan to their end."""
    random = SeededRandom(plan.seed)
    rates = swarm_rates(random) if plan.rates is None else plan.rates
    faults = FaultInjector(random, rates, plan.only_faults)
    behaviour = _draw_behaviour(random) if plan.behaviour is None else plan.behaviour
    aws = FakeAws(random, faults, plan.make_store, plan.outage)
    execution = Execution(plan, aws, aws.trace, faults, behaviour=behaviour)
    handlers = plan.make_agents(aws)
    networks: dict[int, Network] = {}
    for number in range(plan.calls):
        if plan.only_calls is None or number in plan.only_calls:
            networks[number] = _schedule_call(execution, number, handlers, behaviour)
    aws.deliver_message = lambda where, message: _deliver(aws, networks, where, message)
    aws.scheduler.run()
    SweeperSchedule(execution, handlers, networks).run()
    execution.trace.log = aws.read_log()
    execution.expected_invocations = sum(
        each.sent - each.lost + each.copied for each in networks.values()
    )
    _reuse_expired_session_ids(execution, handlers)
    return execution


def _reuse_expired_session_ids(execution: Execution, handlers: Mapping[str, Entrypoint]) -> None:
    """Start calls with session ids whose items have expired but still exist in the table."""
    aws, trace = execution.aws, execution.trace
    items = dict(trace.table.items)
    chosen = [key for key in items if key[1] == "call"][:REUSED_SESSIONS]
    before = len(trace.runs), len(trace.observations), len(trace.table.writes)
    execution.faults.only = ()
    delay_ms = 1000 * aws.settings.session_ttl_seconds + 60_000
    for session_id, _ in chosen:
        number = int(session_id.removeprefix("call-"))
        network = Network(aws, number, handlers[execution.agent_names[number]], "http", Behaviour())
        event = {"type": "session_start", "session": {"id": session_id}}
        aws.clock.after(delay_ms, partial(_send, network, event))
    aws.scheduler.run()
    for key in chosen:
        execution.reused_sessions.append(ReusedSession(key[0], items[key], trace.table.items[key]))
    # These calls are checked separately, so remove them from the trace.
    trace.table.items = items
    del trace.runs[before[0] :], trace.observations[before[1] :], trace.table.writes[before[2] :]


def _send(network: Network, event: Json) -> None:
    network.send(event)


def _schedule_call(
    execution: Execution, number: int, handlers: Mapping[str, Entrypoint], behaviour: Behaviour
) -> Network:
    aws, random = execution.aws, execution.aws.random
    transport = random.choice(f"{number}:door", TRANSPORTS)
    name = random.choice(f"{number}:agent", tuple(handlers))
    execution.transports[number], execution.agent_names[number] = transport, name
    network = Network(aws, number, handlers[name], transport, behaviour)
    call = SimulatedCall(
        network, service_options(aws, number, behaviour), make_party(number), aws.clock
    )
    network.call = call
    caller = Caller(aws, number, behaviour)
    start_ms = random.randint(f"{number}:begin", 0, behaviour.start_spread_ms)
    aws.clock.after(start_ms, lambda: caller.run(call))
    return network


def _deliver(aws: FakeAws, networks: dict[int, Network], connection: str, message: str) -> str:
    """Push a message to the service if the connection is open; return the open connection."""
    network = networks[aws.run.call]
    if network.call is None or network.call.is_over:
        return ""
    if network.connection == connection:
        aws.clock.after(5, lambda: network.push(message))
    return network.connection


def _draw_behaviour(random: SeededRandom) -> Behaviour:
    return Behaviour(
        retries_failed_requests=random.uniform("repeats") < 0.5,
        executes_duplicate_answers=random.uniform("obeys copies") < 0.5,
        repeated_text_share=random.choice("repeated words", (0.0, 0.0, 0.5)),
        start_spread_ms=random.choice("spread", (500, 4000, 20_000)),
        max_gap_ms=random.choice("gap", (1000, 3000, 6000)),
    )
