"""The sweeper of a simulation: it comes round when all calls are over, and is not alone then."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, cast

from aiflow.entrypoints.event import Entrypoint
from aiflow.entrypoints.sweeper import Sweeper
from aiflow.pipeline.runtime import Invocation, Runtime
from aiflow.sessions.record import SessionRecord
from tests.helpers.runtime import FakeContext
from tests.simulation.cloud import FUNCTION_TIMEOUT_MS, Killed
from tests.simulation.happened import Happened
from tests.simulation.history import plain
from tests.simulation.record import Json, Run
from tests.simulation.service import Network

if TYPE_CHECKING:
    from aiflow.sessions.store import OpenCallFinder

ROUNDS_MS = (2_100_000, 2_400_000)
"""When the schedule comes round while anything may go wrong; nothing does in the last round."""

LAST_ROUND_MS = 4_800_000
AGAIN_MS = (0, 2, 5, 40, 300)
"""How much later the same invocation comes again: most often while the first is still at work."""

ASLEEP = 0.1
"""The share of the seeds in which the sweeper comes when all calls have expired."""


class Sweeping:
    """Lets the sweeper close what was left open, and others compete with it.

    Args:
        happened: so far.
        handlers: of all agents.
        networks: of all calls.
    """

    def __init__(
        self,
        happened: Happened,
        handlers: Mapping[str, Entrypoint],
        networks: Mapping[int, Network],
    ) -> None:
        self._happened = happened
        self._cloud = happened.cloud
        self._handlers = handlers
        self._networks = networks

    def go(self) -> None:
        """Come round, again and again."""
        cloud, settings = self._cloud, self._cloud.settings
        if cloud.dice.roll("the sweeper sleeps") < ASLEEP:
            self._come_round(cloud.clock.now_ms + 1000 * settings.session_ttl_seconds + 60_000)
        else:
            for at_ms in ROUNDS_MS:
                self._come_round(at_ms)
            self._compete()
        cloud.baton.run()
        self._happened.faults.only = ()
        self._at(max(LAST_ROUND_MS, cloud.clock.now_ms + 60_000))
        cloud.baton.run()

    def _come_round(self, at_ms: int) -> None:
        """Come as scheduled, and again: at least once is all that a schedule promises."""
        self._at(at_ms)
        self._at(at_ms + self._cloud.dice.pick("the schedule again", AGAIN_MS))

    def _compete(self) -> None:
        """Let the end be reported late, or somebody speak, just when the sweeper comes."""
        dice = self._cloud.dice
        patience_ms = 1000 * self._cloud.settings.abandoned_after_seconds
        for number, quiet_since_ms in self._open():
            chance, ripe_ms = dice.roll(f"{number}:late"), quiet_since_ms + patience_ms
            if chance < 0.3:
                self._come_round(ripe_ms + dice.between(f"{number}:ripe", 0, 40))
                end_ms = ripe_ms + dice.between(f"{number}:end", -2000, 100)
                self._send_at(end_ms, number, {"type": "session_end"})
            elif chance < 0.7:
                at_ms = dice.pick(f"{number}:round", ROUNDS_MS)
                at_ms += dice.between(f"{number}:moment", -60, 200)
                says = {"type": "user_speak", "text": f"kiwi{number:05} after all"}
                self._send_at(at_ms, number, {"type": "session_end"} if chance < 0.5 else says)

    def _open(self) -> list[tuple[int, int]]:
        """Return the calls that are open, and since when nobody has written them."""
        written = {write.key[0]: write.at_ms for write in self._happened.record.table.written}
        return [
            (int(session_id.removeprefix("call-")), written[session_id])
            for (session_id, name), item in self._happened.record.table.items.items()
            if name == "call" and plain(item)["status"] != "ended"
        ]

    def _at(self, at_ms: int) -> None:
        clock = self._cloud.clock
        clock.after(at_ms - clock.now_ms, self._sweep)

    def _send_at(self, at_ms: int, number: int, event: Json) -> None:
        clock, network = self._cloud.clock, self._networks[number]
        event["session"] = {"id": f"call-{number}"}
        clock.after(at_ms - clock.now_ms, partial(_send, network, event))

    def _sweep(self) -> None:
        cloud, sweeps = self._cloud, self._happened.record.sweeps
        number, now_ms = len(sweeps) + 1, cloud.clock.now_ms
        run = _run(f"sweep {number}", -number, "", now_ms, now_ms + FUNCTION_TIMEOUT_MS)
        sweeps.append(run)
        runtime = cloud.sweepers[number % len(cloud.sweepers)]
        calls = cast("OpenCallFinder", runtime.sessions)
        sweep = Sweeper(_Endings(self._happened, self._handlers), lambda: runtime, lambda: calls)
        with cloud.going_on(run):
            cloud.spend(cloud.dice.between("sweep:start", 1, 4))
            sweep({}, FakeContext(run.id, run.stops_ms - cloud.clock.now_ms))
            run.end = "answered"


class _Endings(Entrypoint):
    """The handler of `session_end` of whatever agent a call has.

    Args:
        happened: so far.
        handlers: of all agents.
    """

    def __init__(self, happened: Happened, handlers: Mapping[str, Entrypoint]) -> None:
        self._happened = happened
        self._handlers = handlers

    def close(self, abandoned: SessionRecord, runtime: Runtime, invocation: Invocation) -> None:
        """See `Entrypoint.close`: what is done for a call is its own run in the record."""
        cloud, sweep = self._happened.cloud, self._happened.cloud.run
        number = int(abandoned.session_id.removeprefix("call-"))
        name = f"{sweep.id} of {number}"
        run = _run(name, number, abandoned.session_id, cloud.clock.now_ms, sweep.stops_ms)
        cloud.record.runs.append(run)
        handler = self._handlers[self._happened.names[number]]
        with cloud.going_on(run):
            handler.close(
                abandoned, replace(runtime, settings=cloud.settings_of(number)), invocation
            )
            run.end, run.status = "answered", 204
        if run.end != "answered":
            # Whatever ended it ended the sweep.
            sweep.end = run.end
            raise Killed


def _run(name: str, call: int, session_id: str, now_ms: int, stops_ms: int) -> Run:
    return Run(
        id=name,
        call=call,
        event={"type": "session_end", "session": {"id": session_id}},
        delivery=0,
        is_copy=False,
        door="schedule",
        connection="",
        begun_ms=now_ms,
        stops_ms=stops_ms,
    )


def _send(network: Network, event: Json) -> None:
    network.send(event)
