"""An in-memory table that supports the requests of the session store.

Conditions are evaluated as in DynamoDB, so the production store and its expressions are under
test. Each request is atomic.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

type Item = dict[str, dict[str, Any]]
"""An item in DynamoDB JSON: type and value by attribute."""

type Key = tuple[str, str]
"""Partition key and sort key."""

_TERM = re.compile(
    r"\s*(?:(?P<absent>attribute_not_exists|attribute_exists)\((?P<of>[#\w]+)\)"
    r"|(?P<name>[#\w]+)\s*(?P<sign><=|>=|<>|=|<|>)\s*(?P<value>:\w+))\s*"
)
_SIGNS: Mapping[str, Callable[[Any, Any], bool]] = {
    "=": lambda left, right: left == right,
    "<>": lambda left, right: left != right,
    "<": lambda left, right: left < right,
    "<=": lambda left, right: left <= right,
    ">": lambda left, right: left > right,
    ">=": lambda left, right: left >= right,
}


class ConditionalCheckFailedException(Exception):
    """The condition of a request does not hold; named as in botocore."""


@dataclass(frozen=True)
class Write:
    """A write to the table.

    Attributes:
        at_ms: time.
        by: id of the run.
        key: key of the item.
        before: the item before; None if there was none.
        after: the item after.
    """

    at_ms: int
    by: str
    key: Key
    before: Item | None
    after: Item


class SimulatedTable:
    """Items by key. Expired items are never deleted.

    Attributes:
        items: items by key.
        writes: all writes in order.
    """

    def __init__(self) -> None:
        self.items: dict[Key, Item] = {}
        self._sort_keys: dict[str, list[str]] = {}
        self.writes: list[Write] = []

    def get(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Execute a consistent `get_item`."""
        item = self.items.get(key_of(request["Key"]))
        return {} if item is None else {"Item": dict(item)}

    def get_stale(self, request: Mapping[str, Any], since_ms: int) -> dict[str, Any]:
        """Execute `get_item` on the state at an earlier time."""
        key = key_of(request["Key"])
        item = self.items.get(key)
        for write in reversed(self.writes):
            if write.at_ms < since_ms:
                break
            if write.key == key:
                item = write.before
        return {} if item is None else {"Item": dict(item)}

    def put(self, request: Mapping[str, Any], at_ms: int, by: str) -> None:
        """Execute `put_item`.

        Raises:
            ConditionalCheckFailedException: the condition does not hold.
        """
        key = key_of(request["Item"])
        self._check(request, key)
        self._write(Write(at_ms, by, key, self.items.get(key), dict(request["Item"])))

    def update(self, request: Mapping[str, Any], at_ms: int, by: str) -> None:
        """Execute `update_item`: `SET a = :a, b = :b` with an optional `REMOVE c`.

        Raises:
            ConditionalCheckFailedException: the condition does not hold.
        """
        key = key_of(request["Key"])
        self._check(request, key)
        before = self.items.get(key)
        after = dict(before or request["Key"])
        values = request["ExpressionAttributeValues"]
        settings, _, removed = (
            request["UpdateExpression"].removeprefix("SET ").partition(" REMOVE ")
        )
        for part in settings.split(","):
            name, _, value = (word.strip() for word in part.partition("="))
            after[_named(request, name)] = values[value]
        after.pop(removed, None)
        self._write(Write(at_ms, by, key, before, after))

    def query(self, partition: str) -> list[Item]:
        """Return all items of a partition, sorted by sort key."""
        names = sorted(self._sort_keys.get(partition, ()))
        return [dict(self.items[partition, name]) for name in names]

    def open_calls(self, request: Mapping[str, Any], since_ms: int) -> list[Item]:
        """Return the keys in the index `open-calls` at an earlier time."""
        items = dict(self.items)
        for write in reversed(self.writes):
            if write.at_ms < since_ms:
                break
            items[write.key] = write.before or {}
        values = request["ExpressionAttributeValues"]
        found = [
            item
            for item in items.values()
            if item.get("open_call") == values[":open"]
            and "first_event_at_ms" in item
            and int(item["first_event_at_ms"]["N"]) < int(values[":before"]["N"])
        ]
        found.sort(key=lambda item: int(item["first_event_at_ms"]["N"]))
        return [{name: item[name] for name in ("pk", "sk")} for item in found]

    def _write(self, write: Write) -> None:
        if write.key not in self.items:
            self._sort_keys.setdefault(write.key[0], []).append(write.key[1])
        self.items[write.key] = write.after
        self.writes.append(write)

    def _check(self, request: Mapping[str, Any], key: Key) -> None:
        condition = request.get("ConditionExpression")
        item = self.items.get(key, {})
        if condition and not holds(condition, item, request):
            raise ConditionalCheckFailedException("The conditional request failed")


def key_of(item: Mapping[str, Any]) -> Key:
    """Return the key of an item."""
    return item["pk"]["S"], item["sk"]["S"]


def holds(condition: str, item: Item, request: Mapping[str, Any]) -> bool:
    """Return whether a condition holds: terms with AND, groups with OR, no parentheses."""
    return any(
        all(_holds(term, item, request) for term in group.split(" AND "))
        for group in condition.split(" OR ")
    )


def _holds(term: str, item: Item, request: Mapping[str, Any]) -> bool:
    found = _TERM.fullmatch(term)
    if found is None:
        raise NotImplementedError(f"the simulated table does not support the condition {term!r}")
    if found["absent"]:
        return (_named(request, found["of"]) in item) is (found["absent"] == "attribute_exists")
    value = item.get(_named(request, found["name"]))
    if value is None:
        return False
    return _SIGNS[found["sign"]](
        _plain(value), _plain(request["ExpressionAttributeValues"][found["value"]])
    )


def _named(request: Mapping[str, Any], name: str) -> str:
    return request["ExpressionAttributeNames"][name] if name.startswith("#") else name


def _plain(value: Mapping[str, Any]) -> str | int:
    return int(value["N"]) if "N" in value else str(value["S"])


def pages(items: list[Item]) -> Iterator[dict[str, Any]]:
    """Yield a result in pages, as a paginator does."""
    for index in range(0, max(1, len(items)), 3):
        yield {"Items": items[index : index + 3]}
