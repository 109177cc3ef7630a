"""The trace of a simulation: runs, sweeps, observations of handlers, and a digest."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Literal

from tests.simulation.dynamodb_table import SimulatedTable

type Json = dict[str, Any]
type End = Literal["running", "answered", "crashed", "timed_out", "raised"]


@dataclass
class Run:
    """One invocation of a handler.

    Attributes:
        id: id of the invocation.
        call: number of the call.
        event: the event.
        delivery: number of the delivery; copies and retries share it.
        is_copy: whether the network duplicated the request, instead of the service.
        transport: `http`, `rest` or `websocket`; `schedule` for the sweeper.
        connection: id of the WebSocket connection; empty for other transports.
        started_ms: start time.
        timeout_at_ms: time at which the platform kills it.
        first_message_ms: time of its first WebSocket message.
        ended_ms: end time.
        end: how it ended.
        status: HTTP status that the handler returned.
        bodies: body that the handler returned, or each message sent to a WebSocket.
        is_delivered: whether the service received the answer.
        deadline_ms: current deadline of the handler.
        delayed_action: time and function of an action that runs if the handler is slow.
        store_failed: whether a store request failed after all attempts.
        store_delay_ms: time spent on store answers that were late or missing.
        attempts: number of requests to the store.
        failed_attempts: number of those without an answer.
        conflicts: number of conditional writes that failed.
        disturbances: faults and deadlines that affected it.
        is_old: whether the older version of the code ran.
        undelivered: time of each message that was not delivered, and the open connection then.
    """

    id: str
    call: int
    event: Json
    delivery: int
    is_copy: bool
    transport: str
    connection: str
    started_ms: int
    timeout_at_ms: int
    first_message_ms: int | None = None
    ended_ms: int = -1
    end: End = "running"
    status: int = 0
    bodies: list[str] = field(default_factory=list[str])
    is_delivered: bool = False
    deadline_ms: int | None = None
    delayed_action: tuple[int, Callable[[], None]] | None = None
    store_failed: bool = False
    store_delay_ms: int = 0
    attempts: int = 0
    failed_attempts: int = 0
    conflicts: int = 0
    disturbances: list[str] = field(default_factory=list[str])
    is_old: bool = False
    undelivered: list[tuple[int, str]] = field(default_factory=list[tuple[int, str]])

    @property
    def session_id(self) -> str:
        """Session id of the call."""
        return str(self.event["session"]["id"])

    @property
    def actions(self) -> list[Json]:
        """All actions that it sent."""
        return [action for body in self.bodies for action in actions_in(body)]

    @property
    def ms(self) -> int:
        """Duration."""
        return self.ended_ms - self.started_ms


@dataclass(frozen=True)
class Observation:
    """What a handler saw of its call.

    Attributes:
        at_ms: time.
        run: the run.
        event: event type.
        turns: number, role and text of each turn.
        state: state of the call.
    """

    at_ms: int
    run: Run
    event: str
    turns: Sequence[tuple[int, str, str]]
    state: Mapping[str, Any]


@dataclass
class Trace:
    """Everything that a simulation wrote, sent and read.

    Attributes:
        table: the table with all writes.
        runs: all runs for calls, in order of their start.
        sweeps: all invocations of the sweeper. Each call that it closes is a run of its own.
        observations: what handlers saw.
        log: log output of the functions.
        overlapped: number of runs that started while another run of their call was active.
    """

    table: SimulatedTable
    runs: list[Run] = field(default_factory=list[Run])
    sweeps: list[Run] = field(default_factory=list[Run])
    observations: list[Observation] = field(default_factory=list[Observation])
    log: str = ""
    overlapped: int = 0

    def digest(self) -> str:
        """Return a hash that changes with any difference between two simulations."""
        digest = sha256()
        for run in (*self.runs, *self.sweeps):
            line = [run.id, run.started_ms, run.ended_ms, run.end, run.status, run.bodies]
            digest.update(json.dumps(line).encode())
        for write in self.table.writes:
            line = [write.at_ms, write.by, *write.key, write.after]
            digest.update(json.dumps(line, sort_keys=True).encode())
        for observation in self.observations:
            digest.update(
                json.dumps([observation.at_ms, observation.run.id, observation.turns]).encode()
            )
        return digest.hexdigest()


def actions_in(body: str) -> list[Json]:
    """Return the actions in the body of an answer."""
    if not body:
        return []
    answer: list[Json] | Json = json.loads(body)
    return answer if isinstance(answer, list) else [answer]
