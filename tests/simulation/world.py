"""One simulation: from a seed to the record of what happened."""

from collections.abc import Mapping
from functools import partial

from aiflow.entrypoints.event import Entrypoint
from tests.simulation.callers import Caller
from tests.simulation.cloud import Cloud
from tests.simulation.dice import Dice, Faults, swarm
from tests.simulation.habits import Habits
from tests.simulation.happened import Happened, Plan, Revenant
from tests.simulation.record import Json
from tests.simulation.service import Network, SimulatedCall, party, service_options
from tests.simulation.sweeping import Sweeping

RETURNING = 3
"""How many calls come back from the dead in each simulation."""

DOORS = ("http", "http", "rest", "websocket")


def simulate(plan: Plan) -> Happened:
    """Make all calls of a plan, to their ends."""
    dice = Dice(plan.seed)
    rates = swarm(dice) if plan.rates is None else plan.rates
    faults = Faults(dice, rates, plan.only_faults)
    habits = _habits(dice) if plan.habits is None else plan.habits
    cloud = Cloud(dice, faults, plan.make_store, plan.outage)
    happened = Happened(plan, cloud, cloud.record, faults, habits=habits)
    handlers = plan.make_agents(cloud)
    networks: dict[int, Network] = {}
    for number in range(plan.calls):
        if plan.only_calls is None or number in plan.only_calls:
            networks[number] = _begin(happened, number, handlers, habits)
    cloud.deliver_message = lambda where, message: _deliver(cloud, networks, where, message)
    cloud.baton.run()
    Sweeping(happened, handlers, networks).go()
    happened.record.log = cloud.read_log()
    happened.expected = sum(each.sent - each.lost + each.copied for each in networks.values())
    _let_some_return(happened, handlers)
    return happened


def _let_some_return(happened: Happened, handlers: Mapping[str, Entrypoint]) -> None:
    """Let ids come again when all that is known of them has expired, but is still there."""
    cloud, record = happened.cloud, happened.record
    items = dict(record.table.items)
    chosen = [key for key in items if key[1] == "call"][:RETURNING]
    before = len(record.runs), len(record.reads), len(record.table.written)
    happened.faults.only = ()
    delay_ms = 1000 * cloud.settings.session_ttl_seconds + 60_000
    for session_id, _ in chosen:
        number = int(session_id.removeprefix("call-"))
        network = Network(cloud, number, handlers[happened.names[number]], "http", Habits())
        event = {"type": "session_start", "session": {"id": session_id}}
        cloud.clock.after(delay_ms, partial(_send, network, event))
    cloud.baton.run()
    for key in chosen:
        happened.revenants.append(Revenant(key[0], items[key], record.table.items[key]))
    # It is another story: the judges are to judge the first one.
    record.table.items = items
    del record.runs[before[0] :], record.reads[before[1] :], record.table.written[before[2] :]


def _send(network: Network, event: Json) -> None:
    network.send(event)


def _begin(
    happened: Happened, number: int, handlers: Mapping[str, Entrypoint], habits: Habits
) -> Network:
    cloud, dice = happened.cloud, happened.cloud.dice
    door = dice.pick(f"{number}:door", DOORS)
    names = sorted(handlers)
    name = dice.pick(f"{number}:agent", names)
    happened.doors[number], happened.names[number] = door, name
    network = Network(cloud, number, handlers[name], door, habits)
    call = SimulatedCall(
        network, service_options(cloud, number, habits), party(number), cloud.clock
    )
    network.call = call
    caller = Caller(cloud, number, habits)
    begins_ms = dice.between(f"{number}:begin", 0, habits.spread_ms)
    cloud.clock.after(begins_ms, lambda: caller.live(call))
    return network


def _deliver(cloud: Cloud, networks: dict[int, Network], connection: str, message: str) -> str:
    """Bring a message to the service, if it is connected there; return where it is connected."""
    network = networks[cloud.run.call]
    if network.call is None or network.call.is_over:
        return ""
    if network.connection == connection:
        cloud.clock.after(5, lambda: network.bring(message))
    return network.connection


def _habits(dice: Dice) -> Habits:
    return Habits(
        repeats=dice.roll("repeats") < 0.5,
        obeys_copies=dice.roll("obeys copies") < 0.5,
        repeated_words=dice.pick("repeated words", (0.0, 0.0, 0.5)),
        spread_ms=dice.pick("spread", (500, 4000, 20_000)),
        gap_ms=dice.pick("gap", (1000, 3000, 6000)),
    )
