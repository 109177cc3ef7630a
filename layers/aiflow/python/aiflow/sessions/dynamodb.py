"""The session store on DynamoDB: one item per call, one conditional write per event.

The key `pk` is the session id, `sk` is `call` for the record and `turns#from-to` for turns that
outgrew it. No session id can therefore address the items of another call.
Sizes, limits and reasons: docs/decisions.
"""

from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from aiflow.errors import StoreUnavailable
from aiflow.sessions.codec import Attributes, defaults, to_attributes
from aiflow.sessions.record import TURNS, SessionRecord, Status, Turn
from aiflow.sessions.store import CommitConflict

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef

_CALL = "call"
_TURNS = "turns#"
# The sparse index holds open calls only; its keys do not change with their events.
_OPEN_INDEX = "open-calls"
_OPEN = "open_call"
_OPEN_VALUE = "1"
# Counters of 0 and empty text are not stored, unless they are a key of the index.
_DEFAULTS: Attributes = {
    name: value
    for name, value in defaults(SessionRecord).items()
    if value in {0, ""} and name != "first_event_at_ms"
}
_ABSENT_OR_EXPIRED = "attribute_not_exists(pk) OR expires_at <= :now"
_STILL_THE_LATEST = "version = :previous AND expires_at > :now"


class DynamoDbSessionStore:
    """A `SessionStore` on a table with the string keys `pk` and `sk`, and TTL on `expires_at`.

    The table has an index `open-calls` on `open_call` (string) and `first_event_at_ms` (number).

    Args:
        client: with short timeouts.
        table_name: of the table.
        now: the clock, Unix time in seconds.
        faults: what the client raises on failure; passed in, since only `aws_clients` imports
            botocore.
    """

    def __init__(
        self,
        client: "DynamoDBClient",
        table_name: str,
        now: Callable[[], float],
        faults: tuple[type[Exception], ...],
    ) -> None:
        self._client = client
        self._table_name = table_name
        self._now = now
        self._faults = faults
        # The attributes that were read last: the next version writes only what differs.
        self._read_id = ""
        self._read: Attributes = {}

    def load(self, session_id: str) -> SessionRecord | None:
        """See `SessionStore.load`."""
        with self._translate_errors():
            found = self._client.get_item(
                TableName=self._table_name, Key=item_key(session_id, _CALL), ConsistentRead=True
            )
        attributes = from_dynamodb(found.get("Item", {}))
        # TTL deletes hours or days late; an expired item counts as absent at once.
        if not attributes or int(attributes["expires_at"]) <= self._now():
            return None
        self._read_id, self._read = session_id, attributes
        return SessionRecord.from_attributes(session_id, attributes)

    def commit(self, record: SessionRecord) -> None:
        """See `SessionStore.commit`."""
        leaving, kept = record.split_overflow()
        if leaving:
            self._store_overflow(record, leaving)
        try:
            with self._translate_errors():
                self._write(kept)
        except self._client.exceptions.ConditionalCheckFailedException:
            current = self.load(record.session_id)
            if current is None or not current.written_by(record.writers[-1], record.version):
                raise CommitConflict(current) from None

    def turns(self, session_id: str) -> tuple[Turn, ...]:
        """See `SessionStore.turns`."""
        turns: dict[int, Turn] = {}
        with self._translate_errors():
            for page in self._client.get_paginator("query").paginate(
                TableName=self._table_name,
                KeyConditionExpression="pk = :pk",
                ExpressionAttributeValues={":pk": {"S": session_id}},
                ConsistentRead=True,
            ):
                for item in page["Items"]:
                    attributes = from_dynamodb(item)
                    if int(attributes["expires_at"]) > self._now():
                        found = TURNS.decode(attributes.get("turns", "[]"))
                        turns.update({turn.number: turn for turn in found})
        return tuple(turns[number] for number in sorted(turns))

    def open_calls(self, begun_before_ms: int) -> Iterator[str]:
        """See `OpenCallFinder.open_calls`."""
        with self._translate_errors():
            for page in self._client.get_paginator("query").paginate(
                TableName=self._table_name,
                IndexName=_OPEN_INDEX,
                KeyConditionExpression="#open = :open AND first_event_at_ms < :before",
                ExpressionAttributeNames={"#open": _OPEN},
                ExpressionAttributeValues={
                    ":open": {"S": _OPEN_VALUE},
                    ":before": {"N": str(begun_before_ms)},
                },
            ):
                for found in page["Items"]:
                    yield str(found["pk"].get("S"))

    def _write(self, record: SessionRecord) -> None:
        attributes = to_attributes(record)
        is_open = record.status is not Status.ENDED
        if is_open:
            attributes[_OPEN] = _OPEN_VALUE
        key = item_key(record.session_id, _CALL)
        now: dict[str, AttributeValueTypeDef] = {":now": {"N": str(int(self._now()))}}
        if record.version == 1:
            # A new call replaces an expired one as a whole: no attribute of it may remain.
            self._client.put_item(
                TableName=self._table_name,
                Item=key | to_dynamodb(_differing(_DEFAULTS, attributes)),
                ConditionExpression=_ABSENT_OR_EXPIRED,
                ExpressionAttributeValues=now,
            )
            return
        # An update keeps attributes that a later version of this code may have added.
        changed = self._changed_attributes(record, attributes)
        self._client.update_item(
            TableName=self._table_name,
            Key=key,
            UpdateExpression="SET "
            + ", ".join(f"#{name} = :{name}" for name in changed)
            + ("" if is_open else f" REMOVE {_OPEN}"),
            ConditionExpression=_STILL_THE_LATEST,
            ExpressionAttributeNames={f"#{name}": name for name in changed},
            ExpressionAttributeValues={f":{name}": value for name, value in changed.items()}
            | {":previous": {"N": str(record.version - 1)}}
            | now,
        )

    def _changed_attributes(
        self, record: SessionRecord, attributes: Attributes
    ) -> "dict[str, AttributeValueTypeDef]":
        """Return what differs from the replaced version if that was read, else everything.

        The condition of the write ensures that the replaced version is still stored.
        """
        is_known = (
            self._read_id == record.session_id and self._read["version"] == record.version - 1
        )
        return to_dynamodb(
            _differing({**_DEFAULTS, **self._read}, attributes) if is_known else attributes
        )

    def _store_overflow(self, record: SessionRecord, leaving: tuple[Turn, ...]) -> None:
        # The key names both ends: a repeated write stores the same turns again, never fewer.
        name = f"{_TURNS}{leaving[0].number:08d}-{leaving[-1].number:08d}"
        kept: Attributes = {"turns": TURNS.encode(leaving), "expires_at": record.expires_at}
        with self._translate_errors():
            self._client.put_item(
                TableName=self._table_name,
                Item=item_key(record.session_id, name) | to_dynamodb(kept),
            )

    @contextmanager
    def _translate_errors(self) -> Generator[None]:
        try:
            yield
        except self._client.exceptions.ConditionalCheckFailedException:
            raise
        except self._faults as error:
            raise StoreUnavailable(f"the table did not answer: {type(error).__name__}") from error


def item_key(session_id: str, name: str) -> "dict[str, AttributeValueTypeDef]":
    """Return the key of an item of a call."""
    return {"pk": {"S": session_id}, "sk": {"S": name}}


def _differing(known: Attributes, attributes: Attributes) -> Attributes:
    return {name: value for name, value in attributes.items() if known.get(name) != value}


def to_dynamodb(attributes: Attributes) -> "dict[str, AttributeValueTypeDef]":
    """Return attributes in the types of the DynamoDB client."""
    return {
        name: {"S": value} if isinstance(value, str) else {"N": str(value)}
        for name, value in attributes.items()
    }


def from_dynamodb(item: "Mapping[str, AttributeValueTypeDef]") -> dict[str, str | int]:
    """Return the attributes of an item; those of other types are ignored."""
    return {
        name: value["S"] if "S" in value else int(value["N"])
        for name, value in item.items()
        if "S" in value or "N" in value
    }
