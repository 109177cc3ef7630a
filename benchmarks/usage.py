"""Count the capacity units of a call of 20 turns, and the custom metrics of many calls.

    python -m benchmarks.usage

The counts do not depend on the machine. The handlers of this project run on a store that computes
sizes as DynamoDB does. Custom metrics are counted in the log of simulated calls.
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
from tests.simulation.behaviour import Behaviour
from tests.simulation.execution import Plan
from tests.simulation.faults import EVERYDAY_RATES
from tests.simulation.runner import simulate

TURNS = 20
SHORT = "This is what I say in turn number"
LONG = f"{SHORT}, and there is more to it than that; " * 4 + SHORT
"""Some 300 characters, like a typical answer of a language model."""

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
    """The use of the table in one call.

    Attributes:
        events: number of events.
        requests: number of requests to the table.
        read: read units.
        written: write units.
    """

    events: int = 0
    requests: int = 0
    read: int = 0
    written: int = 0


class CountingSessionStore:
    """An in-memory store that counts the capacity units a table would consume."""

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
        # DynamoDB charges an update by the larger of the old and the new item.
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
    """Play a call whose caller says these words in each of 20 turns, and count."""
    clock = Clock()
    sessions = CountingSessionStore(clock)
    runtime = make_runtime(sessions, clock, stream=Log())
    for event in _a_call(words):
        invoke(webhook.lambda_handler, {**event, "session": _SESSION}, runtime)
        sessions.units.events += 1
        clock.advance(_SECONDS_BETWEEN_EVENTS)
    return sessions.units


def custom_metrics(log: str) -> int:
    """Count the custom metrics in a log: one for each name with each set of dimensions."""
    found: set[tuple[str, ...]] = set()
    for line in log.splitlines():
        blob = json.loads(line)
        for part in blob.get("_aws", {}).get("CloudWatchMetrics", ()):
            for names in part["Dimensions"]:
                dimensions = tuple(f"{name}={blob[name]}" for name in sorted(names))
                found |= {(metric["Name"], *dimensions) for metric in part["Metrics"]}
    return len(found)


def everyday_log(calls: int = 50) -> str:
    """Return the log of simulated calls with the fault rates of an ordinary day."""
    plan = Plan(seed=1, calls=calls, rates=EVERYDAY_RATES, behaviour=Behaviour())
    return simulate(plan).trace.log


def main() -> None:
    """Count and print."""
    for name, words in {"short": SHORT, "long": LONG}.items():
        units = units_of_a_call(words)
        print(
            f"{TURNS} {name} turns: {units.events} events, {units.requests} requests; per event"
            f" {units.read / units.events:.2f} read units"
            f" and {units.written / units.events:.2f} write units"
        )
    for calls in (50, 500):
        print(f"{calls} ordinary calls: {custom_metrics(everyday_log(calls))} custom metrics")


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
