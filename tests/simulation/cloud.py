"""The cloud of a simulation: instances of the functions, their time, their table, their ends.

Whatever an invocation asks of the outside takes virtual time, and there anything may happen: others
come first, a fault is injected, or the invocation is over.
"""

import io
import json
import threading
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Any, cast

from aiflow.entrypoints.event import Entrypoint
from aiflow.errors import ConnectionGone, ConnectionUnavailable, DeadlineExceeded
from aiflow.pipeline.runtime import Runtime
from aiflow.pipeline.time_limits import never
from aiflow.sessions.dynamodb import DynamoDbSessionStore
from aiflow.settings import Settings
from aiflow.telemetry import Telemetry
from aiflow_local.simulator.engine.call import EPOCH_MS
from tests.helpers.runtime import TOKEN, FakeContext, http_v2, make_settings, rest_v1, websocket
from tests.simulation.baton import Baton, SharedClock
from tests.simulation.client import Client, TableFault
from tests.simulation.dice import Dice, Fault, Faults
from tests.simulation.record import Record, Run
from tests.simulation.table import Table

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

INSTANCES = 4
TIGHT_SHARE = 0.25
"""How many of the calls may cost next to nothing."""

WINDY_SHARE = 0.1
FUNCTION_TIMEOUT_MS = 28_000
NEWEST = frozenset(
    {
        *("connection_id", "stream_owner"),
        *("first_event_at_ms", "caller_turns", "sms_sent", "transfers_made"),
        *(
            "closing",
            "consecutive_failures",
            "committed_at_ms",
            "interruptions",
            "input_timeouts",
            "open_call",
        ),
    }
)
"""Attributes of the item that the version of the code before this one does not know."""

type MakeStore = Callable[["DynamoDBClient", Callable[[], float]], DynamoDbSessionStore]


class Killed(BaseException):
    """The platform ends an invocation; nothing that it would still do is done."""


@dataclass(frozen=True)
class Outage:
    """A time in which the table answers nothing.

    Attributes:
        from_ms: its begin.
        to_ms: its end.
    """

    from_ms: int
    to_ms: int


def production_store(client: "DynamoDBClient", now: Callable[[], float]) -> DynamoDbSessionStore:
    """Return the store of the product on a client."""
    return DynamoDbSessionStore(client, "sessions", now, (TableFault,))


class Cloud:
    """Runs invocations.

    Args:
        dice: decide.
        faults: what goes wrong.
        make_store: makes the store of an instance; a mutant makes another one.
        outage: a time without table.
    """

    def __init__(
        self,
        dice: Dice,
        faults: Faults,
        make_store: MakeStore = production_store,
        outage: Outage | None = None,
    ) -> None:
        self.clock = SharedClock()
        self.baton = Baton(self.clock)
        self.dice = dice
        self.faults = faults
        self.record = Record(Table())
        # Generous: what is judged here is what is lost or done twice, not what it may cost.
        self.settings = make_settings(
            agent={"transfer_number": "493023125099"},
            sms_recipients="anyone",
            max_sms=30,
            max_transfers=30,
            max_turns=10_000,
            max_minutes=1440,
        )
        self._tight: dict[int, Settings] = {}
        self.outage = outage
        self.deliver_message: Callable[[str, str], str] = lambda _connection, _message: ""
        self._current = threading.local()
        self._running: dict[int, int] = {}
        self._log = _Tap()
        self._instances = [
            self._instance(
                f"instance {number}",
                make_store,
                is_old=faults.strikes(Fault.OLD_CODE, f"instance {number}"),
            )
            for number in range(INSTANCES)
        ]
        # The version of the code before this one has no sweeper.
        self.sweepers = [
            self._instance(f"sweeper {number}", make_store, is_old=False) for number in range(2)
        ]

    # Time, as it passes for invocations.

    @property
    def run(self) -> Run:
        """The invocation that goes on in this thread."""
        return cast("Run", self._current.run)

    def spend(self, ms: int) -> None:
        """Let time pass for an invocation; it may be its last.

        Raises:
            DeadlineExceeded: the handler has no more time.
            Killed: it is over.
        """
        run, now_ms = self.run, self.clock.now_ms
        if self.faults.strikes(Fault.CRASH, str(run.call)):
            run.excuses.append(Fault.CRASH.value)
            run.end = "crashed"
            raise Killed
        until_ms = now_ms + ms
        if run.meanwhile and run.meanwhile[0] < min(until_ms, run.limit_ms or until_ms):
            (at_ms, act), run.meanwhile = run.meanwhile, None
            self.spend(max(0, at_ms - now_ms))
            act()
            self.spend(max(0, until_ms - self.clock.now_ms))
            return
        if run.limit_ms is not None and run.limit_ms < min(until_ms, run.stops_ms):
            run.excuses.append("deadline")
            self.baton.wait(max(0, run.limit_ms - now_ms))
            raise DeadlineExceeded("the handler did not answer in time")
        if run.stops_ms <= until_ms:
            self.baton.wait(max(0, run.stops_ms - now_ms))
            run.end = "timed_out"
            raise Killed
        self.baton.wait(ms)

    @contextmanager
    def limit(self, seconds: float) -> Generator[None]:
        """Limit a block to so many virtual seconds; see `TimeLimit`."""
        run = self.run
        if seconds <= 0:
            run.excuses.append("deadline")
            raise DeadlineExceeded("the handler did not answer in time")
        before, run.limit_ms = run.limit_ms, self.clock.now_ms + int(seconds * 1000)
        try:
            yield
        finally:
            run.limit_ms = before

    @contextmanager
    def meanwhile(self, seconds: float, act: Callable[[], None]) -> Generator[None]:
        """Do something when a block takes longer than so many virtual seconds; see `Meanwhile`."""
        run, errors = self.run, list[Exception]()

        def unlimited() -> None:
            limit_ms, run.limit_ms = run.limit_ms, None
            try:
                act()
            except Exception as error:  # noqa: BLE001 - it belongs to whoever waits
                errors.append(error)
            finally:
                run.limit_ms = limit_ms

        run.meanwhile = (self.clock.now_ms + int(seconds * 1000), unlimited)
        try:
            yield
        finally:
            run.meanwhile = None
        if errors:
            raise errors[0]

    # Invocations.

    def invoke(self, handler: Entrypoint, run: Run) -> Run:
        """Run a handler on some instance, to whatever end."""
        self._running[run.call] = self._running.get(run.call, 0) + 1
        self.record.overlapped += self._running[run.call] > 1
        self.record.runs.append(run)
        instance = self._instances[self.dice.between(f"{run.call}:instance", 0, INSTANCES - 1)]
        settings = self.settings_of(run.call)
        with self.going_on(run):
            self._answer(handler.bind(replace(instance, settings=settings)), run)
        self._running[run.call] -= 1
        return run

    @contextmanager
    def going_on(self, run: Run) -> Generator[None]:
        """Let an invocation go on in this thread, to whatever end."""
        outer = getattr(self._current, "run", None)
        self._current.run = run
        try:
            yield
        except Killed:
            pass
        except Exception as error:  # noqa: BLE001 - what gets this far is a 5xx
            run.end, run.status = "raised", 502
            run.excuses.append(type(error).__name__)
        finally:
            run.ended_ms = self.clock.now_ms
            self._current.run = outer

    def _answer(self, handler: Entrypoint, run: Run) -> None:
        self.spend(self.dice.between(f"{run.call}:start", 1, 4))
        context = FakeContext(run.id, run.stops_ms - self.clock.now_ms)
        answer = handler(_envelope(run), context)
        # The answer is made, and still it may never leave.
        self.spend(1)
        run.status = answer["statusCode"]
        if run.door != "websocket" and answer.get("body"):
            run.bodies.append(answer["body"])
        run.end = "answered"

    def _instance(self, name: str, make_store: MakeStore, *, is_old: bool) -> Runtime:
        skew = 0.0
        if self.faults.strikes(Fault.SKEW, name):
            skew = (self.dice.fixed(f"skew of {name}") - 0.5) * 4

        def now() -> float:
            return self.unix(self.clock.now_ms) + skew

        client = cast("DynamoDBClient", Client(self, NEWEST if is_old else frozenset()))
        return Runtime(
            settings=self.settings,
            sessions=make_store(client, now),
            connections=_Connections(self),
            telemetry=_telemetry(self._log),
            now=now,
            pause=lambda seconds: self.spend(int(seconds * 1000)),
            chance=lambda: self.dice.roll(f"{self.run.call}:chance"),
            time_limit=self.limit,
            store_limit=self.limit,
            # Whoever does not know who speaks asks nobody for a moment.
            run_if_slow=never if is_old else self.meanwhile,
        )

    def is_tight(self, call: int) -> bool:
        """Tell whether a call may cost next to nothing."""
        return self.dice.fixed(f"{call}:caps") < TIGHT_SHARE

    def is_windy(self, call: int) -> bool:
        """Tell whether in a call so much is said that its turns soon leave the item."""
        return self.dice.fixed(f"{call}:windy") < WINDY_SHARE

    def settings_of(self, call: int) -> Settings:
        """Return what the operator gives a call."""
        if not self.is_tight(call):
            return self.settings
        if call not in self._tight:
            turns = 1 + int(self.dice.fixed(f"{call}:most turns") * 5)
            caps = {"max_sms": 2, "max_transfers": 1, "max_turns": turns, "max_minutes": 1}
            self._tight[call] = self.settings.model_copy(update=caps)
        return self._tight[call]

    @staticmethod
    def unix(at_ms: int) -> float:
        """Return a time of the clock as Unix time in seconds."""
        return (EPOCH_MS + at_ms) / 1000

    def read_log(self) -> str:
        """Return what was written to the log since the last time."""
        return self._log.take()


@dataclass
class _Connections:
    """The way back to the WebSockets of the service."""

    cloud: Cloud

    def send(self, connection_id: str, message: str) -> None:
        """See `Connections.send`."""
        cloud, run = self.cloud, self.cloud.run
        cloud.spend(cloud.dice.between(f"{run.call}:post", 1, 8))
        if cloud.faults.strikes(Fault.NOT_SENT, str(run.call)):
            run.excuses.append(Fault.NOT_SENT.value)
            raise ConnectionUnavailable("the message did not go out: ReadTimeoutError")
        alive = cloud.deliver_message(connection_id, message)
        if alive != connection_id:
            run.excuses.append("moved" if alive else "gone")
            run.missed.append((cloud.clock.now_ms, alive))
            raise ConnectionGone("nobody is connected any more")
        run.bodies.append(message)
        run.has_arrived = True
        run.first_ms = cloud.clock.now_ms if run.first_ms is None else run.first_ms


class _Tap(io.StringIO):
    """What the functions of one simulation write."""

    def take(self) -> str:
        """Return it, and forget it."""
        text = self.getvalue()
        self.seek(0)
        self.truncate()
        return text


class _Pipe(io.StringIO):
    """Where the one logger of this process writes to: the simulation that goes on."""

    target: io.StringIO | None = None

    def write(self, text: str, /) -> int:
        """Pass it on."""
        return self.target.write(text) if self.target else 0


@cache
def _logger() -> tuple[Telemetry, _Pipe]:
    # Powertools keeps one logger for a name, and building one takes a while.
    pipe = _Pipe()
    return Telemetry("simulation", "Simulation", stream=pipe), pipe


def _telemetry(tap: io.StringIO) -> Telemetry:
    telemetry, pipe = _logger()
    pipe.target = tap
    return telemetry


def _envelope(run: Run) -> Mapping[str, Any]:
    body = json.dumps(run.event)
    if run.door == "websocket":
        return websocket(body, connection_id=run.connection)
    return (rest_v1 if run.door == "rest" else http_v2)(body, token=TOKEN)
