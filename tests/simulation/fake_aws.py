"""The simulated AWS environment: function instances, virtual time, table and kills.

Each request of an invocation takes virtual time. Meanwhile other invocations may run, a fault may
be injected, or the invocation may be killed.
"""

import json
import threading
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast

from aiflow.entrypoints.event import Entrypoint
from aiflow.errors import DeadlineExceeded
from aiflow.pipeline.runtime import Runtime
from aiflow.pipeline.time_limits import never
from aiflow.sessions.dynamodb import DynamoDbSessionStore
from aiflow.settings import Settings
from aiflow_local.simulator.engine.call import EPOCH_MS
from tests.helpers.runtime import TOKEN, FakeContext, http_v2, make_settings, rest_v1, websocket
from tests.simulation.captured_log import LogBuffer, telemetry_to
from tests.simulation.connection_sender import SimulatedConnectionSender
from tests.simulation.dynamodb_client import SimulatedClient, TableUnavailable
from tests.simulation.dynamodb_table import SimulatedTable
from tests.simulation.faults import Fault, FaultInjector
from tests.simulation.randomness import SeededRandom
from tests.simulation.scheduler import Scheduler, SharedClock
from tests.simulation.trace import Run, Trace

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

INSTANCES = 4
TIGHT_LIMITS_SHARE = 0.25
"""Share of the calls with tight limits."""

VERBOSE_SHARE = 0.1
FUNCTION_TIMEOUT_MS = 28_000
NEW_ATTRIBUTES = frozenset(
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
"""Attributes of the item that the older version of the code does not know."""

type MakeStore = Callable[["DynamoDBClient", Callable[[], float]], DynamoDbSessionStore]


class Killed(BaseException):
    """The platform kills an invocation; no code of it runs any more."""


@dataclass(frozen=True)
class Outage:
    """A period in which the table does not answer.

    Attributes:
        from_ms: start.
        to_ms: end.
    """

    from_ms: int
    to_ms: int


def production_store(client: "DynamoDBClient", now: Callable[[], float]) -> DynamoDbSessionStore:
    """Return the store of the product for a client."""
    return DynamoDbSessionStore(client, "sessions", now, (TableUnavailable,))


class FakeAws:
    """Runs invocations in virtual time.

    Args:
        random: source of random draws.
        faults: injects faults.
        make_store: makes the store of an instance; mutants replace it.
        outage: a period without the table.
    """

    def __init__(
        self,
        random: SeededRandom,
        faults: FaultInjector,
        make_store: MakeStore = production_store,
        outage: Outage | None = None,
    ) -> None:
        self.clock = SharedClock()
        self.scheduler = Scheduler(self.clock)
        self.random = random
        self.faults = faults
        self.trace = Trace(SimulatedTable())
        # Generous limits, so that most calls exercise loss and duplication, not limits.
        self.settings = make_settings(
            agent={"transfer_number": "493023125099"},
            sms_recipients="anyone",
            max_sms=30,
            max_transfers=30,
            max_turns=10_000,
            max_minutes=1440,
        )
        self._tight_settings: dict[int, Settings] = {}
        self.outage = outage
        self.deliver_message: Callable[[str, str], str] = lambda _connection, _message: ""
        self._current = threading.local()
        self._running: dict[int, int] = {}
        self._log = LogBuffer()
        self._instances = [
            self._instance(
                f"instance {number}",
                make_store,
                is_old=faults.injects(Fault.OLD_CODE, f"instance {number}"),
            )
            for number in range(INSTANCES)
        ]
        # The older version of the code has no sweeper.
        self.sweepers = [
            self._instance(f"sweeper {number}", make_store, is_old=False) for number in range(2)
        ]

    @property
    def run(self) -> Run:
        """The run that is active in this thread."""
        return cast("Run", self._current.run)

    def advance(self, ms: int) -> None:
        """Let time pass for the active run.

        Raises:
            DeadlineExceeded: the time limit of the handler is over.
            Killed: the invocation is over.
        """
        run, now_ms = self.run, self.clock.now_ms
        if self.faults.injects(Fault.CRASH, str(run.call)):
            run.disturbances.append(Fault.CRASH.value)
            run.end = "crashed"
            raise Killed
        until_ms = now_ms + ms
        if run.delayed_action and run.delayed_action[0] < min(
            until_ms, run.deadline_ms or until_ms
        ):
            (at_ms, action), run.delayed_action = run.delayed_action, None
            self.advance(max(0, at_ms - now_ms))
            action()
            self.advance(max(0, until_ms - self.clock.now_ms))
            return
        if run.deadline_ms is not None and run.deadline_ms < min(until_ms, run.timeout_at_ms):
            run.disturbances.append("deadline")
            self.scheduler.wait(max(0, run.deadline_ms - now_ms))
            raise DeadlineExceeded("the handler did not answer in time")
        if run.timeout_at_ms <= until_ms:
            self.scheduler.wait(max(0, run.timeout_at_ms - now_ms))
            run.end = "timed_out"
            raise Killed
        self.scheduler.wait(ms)

    @contextmanager
    def time_limit(self, seconds: float) -> Generator[None]:
        """Limit a block to virtual seconds; see `TimeLimit`."""
        run = self.run
        if seconds <= 0:
            run.disturbances.append("deadline")
            raise DeadlineExceeded("the handler did not answer in time")
        before, run.deadline_ms = run.deadline_ms, self.clock.now_ms + int(seconds * 1000)
        try:
            yield
        finally:
            run.deadline_ms = before

    @contextmanager
    def run_if_slow(self, seconds: float, action: Callable[[], None]) -> Generator[None]:
        """Run an action if a block takes longer than these virtual seconds; see `DelayedAction`."""
        run, errors = self.run, list[Exception]()

        def without_deadline() -> None:
            deadline_ms, run.deadline_ms = run.deadline_ms, None
            try:
                action()
            except Exception as error:  # noqa: BLE001 - raised below
                errors.append(error)
            finally:
                run.deadline_ms = deadline_ms

        run.delayed_action = (self.clock.now_ms + int(seconds * 1000), without_deadline)
        try:
            yield
        finally:
            run.delayed_action = None
        if errors:
            raise errors[0]

    def invoke(self, handler: Entrypoint, run: Run) -> Run:
        """Run a handler on a random instance until it ends in any way."""
        self._running[run.call] = self._running.get(run.call, 0) + 1
        self.trace.overlapped += self._running[run.call] > 1
        self.trace.runs.append(run)
        instance = self._instances[self.random.randint(f"{run.call}:instance", 0, INSTANCES - 1)]
        settings = self.settings_of(run.call)
        with self.active(run):
            self._answer(handler.bind(replace(instance, settings=settings)), run)
        self._running[run.call] -= 1
        return run

    @contextmanager
    def active(self, run: Run) -> Generator[None]:
        """Make a run the active one of this thread until it ends in any way."""
        outer = getattr(self._current, "run", None)
        self._current.run = run
        try:
            yield
        except Killed:
            pass
        except Exception as error:  # noqa: BLE001 - an exception here is a 5xx
            run.end, run.status = "raised", 502
            run.disturbances.append(type(error).__name__)
        finally:
            run.ended_ms = self.clock.now_ms
            self._current.run = outer

    def _answer(self, handler: Entrypoint, run: Run) -> None:
        self.advance(self.random.randint(f"{run.call}:start", 1, 4))
        context = FakeContext(run.id, run.timeout_at_ms - self.clock.now_ms)
        answer = handler(_envelope(run), context)
        # The invocation may still die after it made the answer.
        self.advance(1)
        run.status = answer["statusCode"]
        if run.transport != "websocket" and answer.get("body"):
            run.bodies.append(answer["body"])
        run.end = "answered"

    def _instance(self, name: str, make_store: MakeStore, *, is_old: bool) -> Runtime:
        skew = 0.0
        if self.faults.injects(Fault.SKEW, name):
            skew = (self.random.fixed(f"skew of {name}") - 0.5) * 4

        def now() -> float:
            return self.unix(self.clock.now_ms) + skew

        client = cast(
            "DynamoDBClient", SimulatedClient(self, NEW_ATTRIBUTES if is_old else frozenset())
        )
        return Runtime(
            settings=self.settings,
            sessions=make_store(client, now),
            connections=SimulatedConnectionSender(self),
            telemetry=telemetry_to(self._log),
            now=now,
            pause=lambda seconds: self.advance(int(seconds * 1000)),
            chance=lambda: self.random.uniform(f"{self.run.call}:chance"),
            time_limit=self.time_limit,
            store_limit=self.time_limit,
            # The older code sends no fillers.
            run_if_slow=never if is_old else self.run_if_slow,
        )

    def has_tight_limits(self, call: int) -> bool:
        """Return whether a call has tight limits."""
        return self.random.fixed(f"{call}:caps") < TIGHT_LIMITS_SHARE

    def is_verbose(self, call: int) -> bool:
        """Return whether a call has so much text that turns leave its item."""
        return self.random.fixed(f"{call}:windy") < VERBOSE_SHARE

    def settings_of(self, call: int) -> Settings:
        """Return the settings for a call."""
        if not self.has_tight_limits(call):
            return self.settings
        if call not in self._tight_settings:
            turns = 1 + int(self.random.fixed(f"{call}:most turns") * 5)
            limits = {"max_sms": 2, "max_transfers": 1, "max_turns": turns, "max_minutes": 1}
            self._tight_settings[call] = self.settings.model_copy(update=limits)
        return self._tight_settings[call]

    @staticmethod
    def unix(at_ms: int) -> float:
        """Return a time of the clock as Unix time in seconds."""
        return (EPOCH_MS + at_ms) / 1000

    def read_log(self) -> str:
        """Return the log output since the last call."""
        return self._log.drain()


def _envelope(run: Run) -> Mapping[str, Any]:
    body = json.dumps(run.event)
    if run.transport == "websocket":
        return websocket(body, connection_id=run.connection)
    return (rest_v1 if run.transport == "rest" else http_v2)(body, token=TOKEN)
