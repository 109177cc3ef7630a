"""Compare stores: the same programs on memory, the simulated table and moto."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, ClassVar, cast

from aiflow.aws_clients import FAULTS
from aiflow.sessions.dynamodb import DynamoDbSessionStore
from aiflow.sessions.memory import InMemorySessionStore
from aiflow.sessions.record import SessionRecord
from aiflow.sessions.store import CommitConflict, SessionStore
from tests.helpers.runtime import Clock
from tests.helpers.tables import moto_table
from tests.simulation.dynamodb_table import ConditionalCheckFailedException, SimulatedTable, pages
from tests.simulation.randomness import SeededRandom

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

STEPS = 15
TTL_SECONDS = 3600
WRITERS = ("me", "you", "they")

type Program = Callable[[SessionStore, Clock], list[object]]


class DirectClient:
    """A client of the simulated table without a network."""

    class exceptions:  # noqa: N801 - name of boto3
        """Exception classes of the client."""

        ConditionalCheckFailedException: ClassVar = ConditionalCheckFailedException

    def __init__(self) -> None:
        self._table = SimulatedTable()

    def get_item(self, **request: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
        """See DynamoDB's `GetItem`."""
        return self._table.get(request)

    def put_item(self, **request: Any) -> None:  # noqa: ANN401 - JSON
        """See DynamoDB's `PutItem`."""
        self._table.put(request, 0, "")

    def update_item(self, **request: Any) -> None:  # noqa: ANN401 - JSON
        """See DynamoDB's `UpdateItem`."""
        self._table.update(request, 0, "")

    def get_paginator(self, _operation: str) -> "DirectClient":
        """Return the paginator of a query."""
        return self

    def paginate(self, **request: Any) -> Iterator[dict[str, Any]]:  # noqa: ANN401 - JSON
        """See DynamoDB's `Query`."""
        yield from pages(self._table.query(request["ExpressionAttributeValues"][":pk"]["S"]))


def differences(programs: int, seed: int = 1) -> list[str]:
    """Run programs on all stores; return those whose results differ from moto's."""
    found: list[str] = []
    clock = Clock()
    with moto_table(clock) as table:
        for number in range(programs):
            program = _program(SeededRandom(seed * 100_000 + number), f"session-{number}")
            simulated = cast("DynamoDBClient", DirectClient())
            stores: dict[str, SessionStore] = {
                "memory": InMemorySessionStore(clock),
                "simulated": DynamoDbSessionStore(simulated, table.name, clock, FAULTS),
            }
            started = clock.seconds
            expected = program(table.sessions, clock)
            for name, store in stores.items():
                clock.seconds = started
                if program(store, clock) != expected:
                    found.append(f"program {number} of seed {seed} on {name}")
    return found


def _program(random: SeededRandom, session_id: str) -> Program:
    """Return a random program of loads, commits, stale and repeated commits, and expiry."""
    steps = [(random.uniform("step"), random.choice("writer", WRITERS)) for _ in range(STEPS)]

    def run(store: SessionStore, clock: Clock) -> list[object]:
        known: dict[str, SessionRecord] = {}
        results: list[object] = []
        for chance, writer in steps:
            item = known.get(writer) or SessionRecord(session_id=session_id)
            if chance < 0.25:
                results.append(store.load(session_id))
                known[writer] = store.load(session_id) or SessionRecord(session_id=session_id)
            elif chance < 0.35:
                results.append(store.turns(session_id))
            elif chance < 0.42:
                clock.advance(TTL_SECONDS)
            else:
                is_repeated = chance > 0.85 and item.version
                following = item if is_repeated else _next(item, writer, clock)
                conflict = _conflict(store, following)
                results.append("done" if conflict is None else conflict.current)
                if conflict is None:
                    known[writer] = following.split_overflow()[1]
                # As in the product, continue with the committed record. Turns that were never
                # committed must not leave the item.
                elif conflict.current is not None:
                    known[writer] = conflict.current
                else:
                    known.pop(writer, None)
        return results

    return run


def _next(item: SessionRecord, writer: str, clock: Clock) -> SessionRecord:
    said = item.with_turn("user", f"{writer} {item.version} " + "x" * 3900)
    return said.next_version(writer, int(clock()) + TTL_SECONDS)


def _conflict(store: SessionStore, item: SessionRecord) -> CommitConflict | None:
    try:
        store.commit(item)
    except CommitConflict as conflict:
        return conflict
    return None
