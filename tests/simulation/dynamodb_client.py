"""A simulated DynamoDB client: network latency, faults and botocore's retries."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, ClassVar, Never

from tests.simulation.dynamodb_table import ConditionalCheckFailedException, Item, pages
from tests.simulation.faults import Fault

if TYPE_CHECKING:
    from tests.simulation.fake_aws import FakeAws

READ_TIMEOUT_MS = 700
MAX_LAG_MS = 500
ATTEMPTS = 2


class TableUnavailable(Exception):
    """The table did not answer, after all attempts."""


class SimulatedClient:
    """A DynamoDB client with the latency, timeouts and retries of the real one.

    Args:
        aws: environment of the client.
        unknown: attributes that this version of the code does not know.
    """

    class exceptions:  # noqa: N801 - name of boto3
        """Exception classes of the client."""

        ConditionalCheckFailedException: ClassVar = ConditionalCheckFailedException

    def __init__(self, aws: "FakeAws", unknown: frozenset[str]) -> None:
        self._aws = aws
        self._unknown = unknown

    def get_item(self, **request: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
        """See DynamoDB's `GetItem`."""
        aws, table = self._aws, self._aws.trace.table

        def get() -> dict[str, Any]:
            if request.get("ConsistentRead"):
                return table.get(request)
            return table.get_stale(request, aws.clock.now_ms - MAX_LAG_MS)

        found = self._ask(get)
        return {name: self._known(item) for name, item in found.items()}

    def put_item(self, **request: Any) -> None:  # noqa: ANN401 - JSON
        """See DynamoDB's `PutItem`."""
        aws = self._aws
        request = {**request, "Item": self._known(request["Item"])}
        self._ask(lambda: aws.trace.table.put(request, aws.clock.now_ms, aws.run.id))

    def update_item(self, **request: Any) -> None:  # noqa: ANN401 - JSON
        """See DynamoDB's `UpdateItem`."""
        aws, dropped = self._aws, {f"#{name} = :{name}" for name in self._unknown}
        settings, remove, removed = request["UpdateExpression"].partition(" REMOVE ")
        if removed in self._unknown:
            remove = removed = ""
        parts = settings.removeprefix("SET ").split(", ")
        remaining = ", ".join(part for part in parts if part not in dropped)
        request = {**request, "UpdateExpression": f"SET {remaining}{remove}{removed}"}
        self._ask(lambda: aws.trace.table.update(request, aws.clock.now_ms, aws.run.id))

    def get_paginator(self, _operation: str) -> "SimulatedClient":
        """Return the paginator of a query."""
        return self

    def paginate(self, **request: Any) -> Iterator[dict[str, Any]]:  # noqa: ANN401 - JSON
        """See DynamoDB's `Query`. An index lags by up to 500 ms."""
        aws, table = self._aws, self._aws.trace.table
        if "IndexName" in request:
            lag_ms = aws.random.randint(f"{aws.run.call}:index", 0, MAX_LAG_MS)
            since_ms = aws.clock.now_ms - lag_ms
            yield from pages(self._ask(lambda: table.open_calls(request, since_ms)))
            return
        partition = request["ExpressionAttributeValues"][":pk"]["S"]
        yield from pages(self._ask(lambda: table.query(partition)))

    def _known(self, item: Item) -> Item:
        return {name: value for name, value in item.items() if name not in self._unknown}

    def _ask[T](self, request: Callable[[], T]) -> T:
        """Send a request and retry it once without an answer, as botocore does."""
        aws, run = self._aws, self._aws.run
        run.is_old = bool(self._unknown)
        for attempt in range(ATTEMPTS):
            run.attempts += 1
            try:
                return self._attempt(request)
            except ConditionalCheckFailedException:
                run.conflicts += 1
                raise
            except TableUnavailable:
                run.failed_attempts += 1
                if attempt + 1 < ATTEMPTS:
                    aws.advance(int(aws.random.uniform(f"{run.call}:backoff") * 50))
        run.store_failed = True
        raise TableUnavailable("the table did not answer")

    def _attempt[T](self, request: Callable[[], T]) -> T:
        aws, name = self._aws, str(self._aws.run.call)
        injects, randint = aws.faults.injects, aws.random.randint
        there, back = randint(f"{name}:there", 1, 4), randint(f"{name}:back", 1, 4)
        outage = aws.outage
        if outage and outage.from_ms <= aws.clock.now_ms < outage.to_ms:
            self._time_out()
        if injects(Fault.THROTTLED, name):
            aws.advance(there + back)
            raise TableUnavailable
        if injects(Fault.TIMED_OUT, name):
            self._time_out()
        if injects(Fault.SLOW_STORE, name):
            slow_ms = randint(f"{name}:slow", 100, READ_TIMEOUT_MS - 50)
            aws.run.store_delay_ms += slow_ms
            back += slow_ms
        aws.advance(there)
        answer = request()
        if injects(Fault.APPLIED, name):
            self._time_out()
        aws.advance(back)
        return answer

    def _time_out(self) -> Never:
        self._aws.run.store_delay_ms += READ_TIMEOUT_MS
        self._aws.advance(READ_TIMEOUT_MS)
        raise TableUnavailable
