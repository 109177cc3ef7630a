"""DynamoDB's client in a simulation: the way to the table, its faults, and botocore's patience."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, ClassVar, Never

from tests.simulation.dice import Fault
from tests.simulation.table import ConditionalCheckFailedException, Item, pages

if TYPE_CHECKING:
    from tests.simulation.cloud import Cloud

READ_TIMEOUT_MS = 700
MOST_BEHIND_MS = 500
ATTEMPTS = 2


class TableFault(Exception):
    """The table did not answer, as often as it was asked."""


class Client:
    """DynamoDB's client, with the network and the patience of the real one.

    Args:
        cloud: in which it is.
        unknown: attributes that this version of the code does not know.
    """

    class exceptions:  # noqa: N801 - the client's own name
        """The errors that it raises."""

        ConditionalCheckFailedException: ClassVar = ConditionalCheckFailedException

    def __init__(self, cloud: "Cloud", unknown: frozenset[str]) -> None:
        self._cloud = cloud
        self._unknown = unknown

    def get_item(self, **request: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
        """See DynamoDB's `GetItem`."""
        cloud, table = self._cloud, self._cloud.record.table

        def get() -> dict[str, Any]:
            if request.get("ConsistentRead"):
                return table.get(request)
            return table.get_stale(request, cloud.clock.now_ms - MOST_BEHIND_MS)

        found = self._ask(get)
        return {name: self._known(item) for name, item in found.items()}

    def put_item(self, **request: Any) -> None:  # noqa: ANN401 - JSON
        """See DynamoDB's `PutItem`."""
        cloud = self._cloud
        request = {**request, "Item": self._known(request["Item"])}
        self._ask(lambda: cloud.record.table.put(request, cloud.clock.now_ms, cloud.run.id))

    def update_item(self, **request: Any) -> None:  # noqa: ANN401 - JSON
        """See DynamoDB's `UpdateItem`."""
        cloud, left_out = self._cloud, {f"#{name} = :{name}" for name in self._unknown}
        settings, remove, removed = request["UpdateExpression"].partition(" REMOVE ")
        if removed in self._unknown:
            remove = removed = ""
        parts = settings.removeprefix("SET ").split(", ")
        kept = ", ".join(part for part in parts if part not in left_out)
        request = {**request, "UpdateExpression": f"SET {kept}{remove}{removed}"}
        self._ask(lambda: cloud.record.table.update(request, cloud.clock.now_ms, cloud.run.id))

    def get_paginator(self, _operation: str) -> "Client":
        """Return what goes through the pages of a query."""
        return self

    def paginate(self, **request: Any) -> Iterator[dict[str, Any]]:  # noqa: ANN401 - JSON
        """See DynamoDB's `Query`; an index is half a second behind at most."""
        cloud, table = self._cloud, self._cloud.record.table
        if "IndexName" in request:
            behind_ms = cloud.dice.between(f"{cloud.run.call}:index", 0, MOST_BEHIND_MS)
            since_ms = cloud.clock.now_ms - behind_ms
            yield from pages(self._ask(lambda: table.open_calls(request, since_ms)))
            return
        partition = request["ExpressionAttributeValues"][":pk"]["S"]
        yield from pages(self._ask(lambda: table.query(partition)))

    def _known(self, item: Item) -> Item:
        return {name: value for name, value in item.items() if name not in self._unknown}

    def _ask[T](self, request: Callable[[], T]) -> T:
        """Send a request; once more, if there is no answer, as botocore does."""
        cloud, run = self._cloud, self._cloud.run
        run.is_old = bool(self._unknown)
        for attempt in range(ATTEMPTS):
            run.attempts += 1
            try:
                return self._attempt(request)
            except ConditionalCheckFailedException:
                run.conflicts += 1
                raise
            except TableFault:
                run.failed_attempts += 1
                if attempt + 1 < ATTEMPTS:
                    cloud.spend(int(cloud.dice.roll(f"{run.call}:backoff") * 50))
        run.store_failed = True
        raise TableFault("the table did not answer")

    def _attempt[T](self, request: Callable[[], T]) -> T:
        cloud, name = self._cloud, str(self._cloud.run.call)
        strikes, roll = cloud.faults.strikes, cloud.dice.between
        there, back = roll(f"{name}:there", 1, 4), roll(f"{name}:back", 1, 4)
        outage = cloud.outage
        if outage and outage.from_ms <= cloud.clock.now_ms < outage.to_ms:
            self._time_out()
        if strikes(Fault.THROTTLED, name):
            cloud.spend(there + back)
            raise TableFault
        if strikes(Fault.TIMED_OUT, name):
            self._time_out()
        if strikes(Fault.SLOW_STORE, name):
            slow_ms = roll(f"{name}:slow", 100, READ_TIMEOUT_MS - 50)
            cloud.run.lost_ms += slow_ms
            back += slow_ms
        cloud.spend(there)
        answer = request()
        if strikes(Fault.APPLIED, name):
            self._time_out()
        cloud.spend(back)
        return answer

    def _time_out(self) -> Never:
        self._cloud.run.lost_ms += READ_TIMEOUT_MS
        self._cloud.spend(READ_TIMEOUT_MS)
        raise TableFault
