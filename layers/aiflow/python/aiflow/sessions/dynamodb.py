"""Sessions in DynamoDB: one item per call, one conditional write per event.

The key `pk` is the session id as it is, and `sk` is ours alone: `call` for the item,
`turns#from-to` for turns that left it. No session id, however odd, can reach another call's items.
Sizes, limits and the reasons: docs/decisions.
"""

from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from aiflow.errors import StoreUnavailable
from aiflow.sessions.codec import (
    ABSENT,
    Attributes,
    from_attributes,
    to_attributes,
    turns_from,
    turns_text,
)
from aiflow.sessions.record import SessionRecord, Status, Turn
from aiflow.sessions.store import CommitConflict

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef

_CALL = "call"
_TURNS = "turns#"
# In the index as long as the call is open, under keys that do not change with its events.
_OPEN_INDEX = "open-calls"
_OPEN = "open_call"
_OPEN_VALUE = "1"
_ABSENT_OR_EXPIRED = "attribute_not_exists(pk) OR expires_at <= :now"
_STILL_THE_LATEST = "version = :previous AND expires_at > :now"


class DynamoDbSessionStore:
    """A `SessionStore` on a table with the string keys `pk` and `sk`, and TTL on `expires_at`.

    It has an index `open-calls` on `open_call` (a string) and `first_event_at_ms` (a number).

    Args:
        client: with short time limits.
        table_name: of the table.
        now: the clock, Unix time in seconds.
        faults: what the client raises when the table did not answer. They come from outside, since
            only one room imports botocore.
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
        # What was read last: who is about to write its next version need not send it all again.
        self._read_of = ""
        self._read: Attributes = {}

    def load(self, session_id: str) -> SessionRecord | None:
        """See `SessionStore.load`."""
        with self._unavailable():
            found = self._client.get_item(
                TableName=self._table_name, Key=item_key(session_id, _CALL), ConsistentRead=True
            )
        attributes = from_dynamodb(found.get("Item", {}))
        # TTL deletes late, by hours or days: an expired item is absent for us from the second it
        # expires.
        if not attributes or int(attributes["expires_at"]) <= self._now():
            return None
        self._read_of, self._read = session_id, attributes
        return from_attributes(session_id, attributes)

    def commit(self, item: SessionRecord) -> None:
        """See `SessionStore.commit`."""
        leaving, kept = item.spill()
        if leaving:
            self._keep_turns(item, leaving)
        try:
            with self._unavailable():
                self._write(kept)
        except self._client.exceptions.ConditionalCheckFailedException:
            current = self.load(item.session_id)
            if current is None or not current.written_by(item.writers[-1], item.version):
                raise CommitConflict(current) from None

    def turns(self, session_id: str) -> tuple[Turn, ...]:
        """See `SessionStore.turns`."""
        turns: dict[int, Turn] = {}
        with self._unavailable():
            for page in self._client.get_paginator("query").paginate(
                TableName=self._table_name,
                KeyConditionExpression="pk = :pk",
                ExpressionAttributeValues={":pk": {"S": session_id}},
                ConsistentRead=True,
            ):
                for stored in page["Items"]:
                    attributes = from_dynamodb(stored)
                    if int(attributes["expires_at"]) > self._now():
                        turns.update(
                            {turn.number: turn for turn in turns_from(str(attributes["turns"]))}
                        )
        return tuple(turns[number] for number in sorted(turns))

    def open_calls(self, begun_before_ms: int) -> Iterator[str]:
        """See `OpenCalls.open_calls`."""
        with self._unavailable():
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

    def _write(self, item: SessionRecord) -> None:
        attributes = to_attributes(item)
        is_open = item.status is not Status.ENDED
        if is_open:
            attributes[_OPEN] = _OPEN_VALUE
        key = item_key(item.session_id, _CALL)
        now: dict[str, AttributeValueTypeDef] = {":now": {"N": str(int(self._now()))}}
        if item.version == 1:
            # A new call takes the place of an expired one as a whole: nothing of that may shine
            # through.
            self._client.put_item(
                TableName=self._table_name,
                Item=key | to_dynamodb(_unlike(ABSENT, attributes)),
                ConditionExpression=_ABSENT_OR_EXPIRED,
                ExpressionAttributeValues=now,
            )
            return
        # An update leaves attributes alone that a later version of this code may have added.
        changed = self._changed(item, attributes)
        self._client.update_item(
            TableName=self._table_name,
            Key=key,
            UpdateExpression="SET "
            + ", ".join(f"#{name} = :{name}" for name in changed)
            + ("" if is_open else f" REMOVE {_OPEN}"),
            ConditionExpression=_STILL_THE_LATEST,
            ExpressionAttributeNames={f"#{name}": name for name in changed},
            ExpressionAttributeValues={f":{name}": value for name, value in changed.items()}
            | {":previous": {"N": str(item.version - 1)}}
            | now,
        )

    def _changed(
        self, item: SessionRecord, attributes: Attributes
    ) -> "dict[str, AttributeValueTypeDef]":
        """Return what differs from the version that the write replaces, as far as it was read.

        The condition sees to it that this version is still there.
        """
        is_known = self._read_of == item.session_id and self._read["version"] == item.version - 1
        return to_dynamodb(
            _unlike({**ABSENT, **self._read}, attributes) if is_known else attributes
        )

    def _keep_turns(self, item: SessionRecord, leaving: tuple[Turn, ...]) -> None:
        # The name holds both ends: a late repetition can only write the same again, never something
        # shorter.
        name = f"{_TURNS}{leaving[0].number:08d}-{leaving[-1].number:08d}"
        kept: Attributes = {"turns": turns_text(leaving), "expires_at": item.expires_at}
        with self._unavailable():
            self._client.put_item(
                TableName=self._table_name, Item=item_key(item.session_id, name) | to_dynamodb(kept)
            )

    @contextmanager
    def _unavailable(self) -> Generator[None]:
        try:
            yield
        except self._client.exceptions.ConditionalCheckFailedException:
            raise
        except self._faults as error:
            raise StoreUnavailable(f"the table did not answer: {type(error).__name__}") from error


def item_key(session_id: str, name: str) -> "dict[str, AttributeValueTypeDef]":
    """Return the key of an item of a call."""
    return {"pk": {"S": session_id}, "sk": {"S": name}}


def _unlike(known: Attributes, attributes: Attributes) -> Attributes:
    return {name: value for name, value in attributes.items() if known.get(name) != value}


def to_dynamodb(attributes: Attributes) -> "dict[str, AttributeValueTypeDef]":
    """Write attributes as the client takes them."""
    return {
        name: {"S": value} if isinstance(value, str) else {"N": str(value)}
        for name, value in attributes.items()
    }


def from_dynamodb(item: "Mapping[str, AttributeValueTypeDef]") -> dict[str, str | int]:
    """Read attributes back; those of other types are not ours."""
    return {
        name: value["S"] if "S" in value else int(value["N"])
        for name, value in item.items()
        if "S" in value or "N" in value
    }
