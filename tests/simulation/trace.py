"""What happened in a simulation, as the judges need it: deliveries, runs, reads, and a digest."""

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
        id: of the invocation.
        call: the number of the call.
        event: what it was given.
        copy_of: the number of the delivery.
        is_copy: whether the network made it, and not the service.
        door: `http`, `rest` or `websocket`; `schedule` for the sweeper.
        connection: of the WebSocket; empty for the others.
        begun_ms: when it began.
        first_ms: when its first message went out, if it is of a WebSocket.
        ended_ms: when it ended.
        end: how.
        status: that the handler returned.
        body: that the handler returned, or sent to a WebSocket; each message.
        has_arrived: whether the service knows the answer.
        limit_ms: when the handler's time is over, if it is limited now.
        stops_ms: when the platform ends it.
        meanwhile: what is done, and when, if the handler still thinks then.
        store_failed: whether a request to the store failed for good.
        lost_ms: how long it waited for answers of the store that did not come, or came late.
        attempts: how many requests it sent to the store.
        failed_attempts: how many of them were not answered.
        conflicts: how often somebody else was faster.
        excuses: what else was done to it.
        is_old: whether the version of the code before this one ran.
        undelivered: when a message of it reached nobody, and where the service was connected then.
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
        """Of the call."""
        return str(self.event["session"]["id"])

    @property
    def actions(self) -> list[Json]:
        """All that it told the service to do."""
        return [action for body in self.bodies for action in actions_in(body)]

    @property
    def ms(self) -> int:
        """How long it took."""
        return self.ended_ms - self.started_ms


@dataclass(frozen=True)
class Observation:
    """What a handler saw of its call.

    Attributes:
        at_ms: when.
        run: which invocation.
        event: the type of what the handler was given.
        turns: number, role and text of each.
        state: of the call.
    """

    at_ms: int
    run: Run
    event: str
    turns: Sequence[tuple[int, str, str]]
    state: Mapping[str, Any]


@dataclass
class Trace:
    """Everything that happened.

    Attributes:
        table: what was kept.
        runs: every invocation for a call, in the order of their begin.
        sweeps: every invocation of the sweeper; what it does for a call is a run of its own.
        reads: what handlers saw.
        log: what the functions wrote.
        overlapped: how often an invocation began while another one of its call ran.
    """

    table: SimulatedTable
    runs: list[Run] = field(default_factory=list[Run])
    sweeps: list[Run] = field(default_factory=list[Run])
    observations: list[Observation] = field(default_factory=list[Observation])
    log: str = ""
    overlapped: int = 0

    def digest(self) -> str:
        """Return what differs as soon as anything went differently."""
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
    """Return the actions of an answer."""
    if not body:
        return []
    answer: list[Json] | Json = json.loads(body)
    return answer if isinstance(answer, list) else [answer]
