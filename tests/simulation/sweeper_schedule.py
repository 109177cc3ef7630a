"""Runs the sweeper after all calls, concurrently with late events and with itself."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, cast

from aiflow.entrypoints.event import Entrypoint
from aiflow.entrypoints.sweeper import Sweeper
from aiflow.pipeline.runtime import Invocation, Runtime
from aiflow.sessions.record import SessionRecord
from tests.helpers.runtime import FakeContext
from tests.simulation.execution import Execution
from tests.simulation.fake_aws import FUNCTION_TIMEOUT_MS, Killed
from tests.simulation.histories import plain_values
from tests.simulation.network import Network
from tests.simulation.trace import Json, Run

if TYPE_CHECKING:
    from aiflow.sessions.store import OpenCallFinder

SWEEP_TIMES_MS = (2_100_000, 2_400_000)
"""Times of scheduled sweeps with faults. The final sweep has none."""

FINAL_SWEEP_MS = 4_800_000
REPEAT_DELAYS_MS = (0, 2, 5, 40, 300)
"""Delays of the repeated invocation; most overlap with the first one."""

LATE_SWEEPER_SHARE = 0.1
"""Share of the seeds in which the sweeper first runs after all calls expired."""


class SweeperSchedule:
    """Runs the sweeper on open calls, together with competing events.

    Args:
        execution: state of the simulation.
        handlers: entrypoints of all agents.
        networks: networks of all calls.
    """

    def __init__(
        self,
        execution: Execution,
        handlers: Mapping[str, Entrypoint],
        networks: Mapping[int, Network],
    ) -> None:
        self._execution = execution
        self._aws = execution.aws
        self._handlers = handlers
        self._networks = networks

    def run(self) -> None:
        """Run all sweeps."""
        aws, settings = self._aws, self._aws.settings
        if aws.random.uniform("the sweeper sleeps") < LATE_SWEEPER_SHARE:
            self._schedule_sweeps(aws.clock.now_ms + 1000 * settings.session_ttl_seconds + 60_000)
        else:
            for at_ms in SWEEP_TIMES_MS:
                self._schedule_sweeps(at_ms)
            self._schedule_competing_events()
        aws.scheduler.run()
        self._execution.faults.only = ()
        self._schedule_sweep_at(max(FINAL_SWEEP_MS, aws.clock.now_ms + 60_000))
        aws.scheduler.run()

    def _schedule_sweeps(self, at_ms: int) -> None:
        """Schedule a sweep and its repetition: a schedule fires at least once."""
        self._schedule_sweep_at(at_ms)
        self._schedule_sweep_at(
            at_ms + self._aws.random.choice("the schedule again", REPEAT_DELAYS_MS)
        )

    def _schedule_competing_events(self) -> None:
        """Schedule late ends and turns at about the time of a sweep."""
        random = self._aws.random
        abandoned_after_ms = 1000 * self._aws.settings.abandoned_after_seconds
        for number, last_write_ms in self._open_calls():
            chance = random.uniform(f"{number}:late")
            abandoned_at_ms = last_write_ms + abandoned_after_ms
            if chance < 0.3:
                self._schedule_sweeps(abandoned_at_ms + random.randint(f"{number}:ripe", 0, 40))
                end_ms = abandoned_at_ms + random.randint(f"{number}:end", -2000, 100)
                self._schedule_event(end_ms, number, {"type": "session_end"})
            elif chance < 0.7:
                at_ms = random.choice(f"{number}:round", SWEEP_TIMES_MS)
                at_ms += random.randint(f"{number}:moment", -60, 200)
                turn = {"type": "user_speak", "text": f"kiwi{number:05} after all"}
                event = {"type": "session_end"} if chance < 0.5 else turn
                self._schedule_event(at_ms, number, event)

    def _open_calls(self) -> list[tuple[int, int]]:
        """Return the number and the time of the last write of each open call."""
        last_writes = {write.key[0]: write.at_ms for write in self._execution.trace.table.writes}
        return [
            (int(session_id.removeprefix("call-")), last_writes[session_id])
            for (session_id, name), item in self._execution.trace.table.items.items()
            if name == "call" and plain_values(item)["status"] != "ended"
        ]

    def _schedule_sweep_at(self, at_ms: int) -> None:
        clock = self._aws.clock
        clock.after(at_ms - clock.now_ms, self._sweep)

    def _schedule_event(self, at_ms: int, number: int, event: Json) -> None:
        clock, network = self._aws.clock, self._networks[number]
        event["session"] = {"id": f"call-{number}"}
        clock.after(at_ms - clock.now_ms, partial(_send, network, event))

    def _sweep(self) -> None:
        aws, sweeps = self._aws, self._execution.trace.sweeps
        number, now_ms = len(sweeps) + 1, aws.clock.now_ms
        run = _run(f"sweep {number}", -number, "", now_ms, now_ms + FUNCTION_TIMEOUT_MS)
        sweeps.append(run)
        runtime = aws.sweepers[number % len(aws.sweepers)]
        calls = cast("OpenCallFinder", runtime.sessions)
        sweep = Sweeper(
            _SessionEndHandlers(self._execution, self._handlers), lambda: runtime, lambda: calls
        )
        with aws.active(run):
            aws.advance(aws.random.randint("sweep:start", 1, 4))
            sweep({}, FakeContext(run.id, run.timeout_at_ms - aws.clock.now_ms))
            run.end = "answered"


class _SessionEndHandlers(Entrypoint):
    """Dispatches `session_end` to the agent of each call.

    Args:
        execution: state of the simulation.
        handlers: entrypoints of all agents.
    """

    def __init__(self, execution: Execution, handlers: Mapping[str, Entrypoint]) -> None:
        self._execution = execution
        self._handlers = handlers

    def close(self, abandoned: SessionRecord, runtime: Runtime, invocation: Invocation) -> None:
        """See `Entrypoint.close`. Each closed call is a run of its own in the trace."""
        aws, sweep = self._execution.aws, self._execution.aws.run
        number = int(abandoned.session_id.removeprefix("call-"))
        name = f"{sweep.id} of {number}"
        run = _run(name, number, abandoned.session_id, aws.clock.now_ms, sweep.timeout_at_ms)
        aws.trace.runs.append(run)
        handler = self._handlers[self._execution.agent_names[number]]
        with aws.active(run):
            handler.close(abandoned, replace(runtime, settings=aws.settings_of(number)), invocation)
            run.end, run.status = "answered", 204
        if run.end != "answered":
            # A run that was killed takes the sweep with it.
            sweep.end = run.end
            raise Killed


def _run(name: str, call: int, session_id: str, now_ms: int, timeout_at_ms: int) -> Run:
    return Run(
        id=name,
        call=call,
        event={"type": "session_end", "session": {"id": session_id}},
        delivery=0,
        is_copy=False,
        transport="schedule",
        connection="",
        started_ms=now_ms,
        timeout_at_ms=timeout_at_ms,
    )


def _send(network: Network, event: Json) -> None:
    network.send(event)
