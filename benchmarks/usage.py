"""What a call of 20 turns asks of the table, and how many custom metrics a day of calls makes.

    python -m benchmarks.usage

Counted, on no machine's clock: with the handlers of this project, on a store that weighs what it is
given as DynamoDB would; and in the metrics that simulated calls leave behind.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil

from aiflow.entrypoints import webhook
from aiflow.protocol.types import JsonObject
from aiflow.sessions.memory import InMemorySessionStore
from aiflow.sessions.record import SessionRecord, Turn
from tests.helpers.items import stored_bytes
from tests.helpers.runtime import Clock, Log, invoke, make_runtime
from tests.simulation.dice import EVERYDAY
from tests.simulation.habits import Habits
from tests.simulation.happened import Plan
from tests.simulation.world import simulate

TURNS = 20
SHORT = "This is what I say in turn number"
LONG = f"{SHORT}, and there is more to it than that; " * 4 + SHORT
"""Some three hundred characters, as models like to answer."""

_SESSION: JsonObject = {
    "id": "8476a536-e9f4-11e8-9739-2dfe598c3fcd",
    "account_id": "account-123",
    "phone_number": "493023125001",
    "direction": "inbound",
    "from_phone_number": "493023125042",
    "to_phone_number": "493023125001",
}
_READ_UNIT, _WRITE_UNIT = 4096, 1024
_SECONDS_BETWEEN_EVENTS = 2


@dataclass
class Units:
    """What the events of a call asked of the table.

    Attributes:
        events: of the call.
        requests: to the table.
        read: units of reading.
        written: units of writing.
    """

    events: int = 0
    requests: int = 0
    read: int = 0
    written: int = 0


class WeighedSessions:
    """Sessions in memory that count the units which a table would take."""

    def __init__(self, clock: Clock) -> None:
        self.units = Units()
        self._sessions = InMemorySessionStore(clock)
        self._size = 0

    def load(self, session_id: str) -> SessionRecord | None:
        """See `SessionStore.load`."""
        self.units.requests += 1
        self.units.read += max(1, ceil(self._size / _READ_UNIT))
        return self._sessions.load(session_id)

    def commit(self, item: SessionRecord) -> None:
        """See `SessionStore.commit`."""
        leaving, kept = item.split_overflow()
        before, self._size = self._size, stored_bytes(kept)
        # An update is paid by the larger of what was there and what is.
        self._write(max(before, self._size))
        if leaving:
            self._write(len(json.dumps(leaving)))
        self._sessions.commit(item)

    def turns(self, session_id: str) -> tuple[Turn, ...]:
        """See `SessionStore.turns`."""
        return self._sessions.turns(session_id)

    def _write(self, size: int) -> None:
        self.units.requests += 1
        self.units.written += ceil(size / _WRITE_UNIT)


def units_of_a_call(words: str) -> Units:
    """Let a caller say these words in each of 20 turns, and count."""
    clock = Clock()
    sessions = WeighedSessions(clock)
    runtime = make_runtime(sessions, clock, stream=Log())
    for event in _a_call(words):
        invoke(webhook.lambda_handler, {**event, "session": _SESSION}, runtime)
        sessions.units.events += 1
        clock.advance(_SECONDS_BETWEEN_EVENTS)
    return sessions.units


def custom_metrics(log: str) -> int:
    """Count the custom metrics in a log: each name with each set of dimensions is one."""
    found: set[tuple[str, ...]] = set()
    for line in log.splitlines():
        blob = json.loads(line)
        for part in blob.get("_aws", {}).get("CloudWatchMetrics", ()):
            for names in part["Dimensions"]:
                dimensions = tuple(f"{name}={blob[name]}" for name in sorted(names))
                found |= {(metric["Name"], *dimensions) for metric in part["Metrics"]}
    return len(found)


def everyday_log(calls: int = 50) -> str:
    """Return the log of simulated calls, with the faults of an everyday day."""
    plan = Plan(seed=1, calls=calls, rates=EVERYDAY, habits=Habits())
    return simulate(plan).record.log


def main() -> None:
    """Count and print."""
    for name, words in {"short": SHORT, "long": LONG}.items():
        units = units_of_a_call(words)
        print(
            f"{TURNS} {name} turns: {units.events} events, {units.requests} requests, of an event"
            f" {units.read / units.events:.2f} units read"
            f" and {units.written / units.events:.2f} written"
        )
    for calls in (50, 500):
        print(f"{calls} everyday calls: {custom_metrics(everyday_log(calls))} custom metrics")


def _a_call(words: str) -> Iterator[JsonObject]:
    playback: list[JsonObject] = [
        {"type": "assistant_speak", "duration_ms": 1500},
        {"type": "assistant_speech_ended"},
    ]
    yield {"type": "session_start"}
    yield from playback
    for number in range(TURNS):
        yield {"type": "user_speak", "text": f"{words} {number}"}
        yield from playback
    yield {"type": "session_end"}


if __name__ == "__main__":
    main()
