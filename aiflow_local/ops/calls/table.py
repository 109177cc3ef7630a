"""Operator access to the table: complete calls, including those the functions no longer read."""

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aiflow.sessions.codec import to_attributes
from aiflow.sessions.dynamodb import DynamoDbSessionStore, item_key, to_dynamodb
from aiflow.sessions.record import SessionRecord, Status, Turn
from aiflow_local.errors import LocalError
from aiflow_local.ops.aws_session import AwsError, translate_aws_errors
from aiflow_local.ops.calls.item_reader import (
    ScanStatistics,
    UnreadableItem,
    read_overflow_turns,
    read_record,
)
from aiflow_local.output import printable

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef

_CALL = "call"
_ERASER = "aiflow calls erase"
_CHANGED = "ConditionalCheckFailedException"


@dataclass(frozen=True)
class StoredCall:
    """Everything that the table stores about a call.

    Attributes:
        item: The session record; one with version 0 if only overflow turns are left.
        turns: All turns, oldest first.
    """

    item: SessionRecord
    turns: tuple[Turn, ...]


def is_erased(item: SessionRecord) -> bool:
    """Return whether the record is the tombstone of an erased call."""
    return item.writers == (_ERASER,)


class CallTable:
    """The table with the calls of a stack.

    Args:
        client: The DynamoDB client.
        name: The name of the table.
        now: The clock; returns Unix time in seconds.
    """

    def __init__(self, client: "DynamoDBClient", name: str, now: Callable[[], float]) -> None:
        self._client = client
        self._now = now
        self.name = name

    def is_live(self, item: SessionRecord) -> bool:
        """Return whether a call has not expired; DynamoDB deletes expired items with a delay."""
        return item.expires_at > self._now()

    def is_open(self, item: SessionRecord) -> bool:
        """Return whether a call has neither ended nor expired."""
        return self.is_live(item) and item.status is not Status.ENDED

    def scan(self, statistics: ScanStatistics) -> Iterator[SessionRecord]:
        """Read the records of all calls, unordered, with a scan of the whole table.

        Args:
            statistics: Updated while the scan runs.

        Raises:
            AwsError: The table cannot be read.
        """
        pages = self._client.get_paginator("scan").paginate(
            TableName=self.name,
            FilterExpression="sk = :call",
            ExpressionAttributeValues={":call": {"S": _CALL}},
            ReturnConsumedCapacity="TOTAL",
        )
        with translate_aws_errors(f"read the table {self.name}"):
            for page in pages:
                statistics.items += page["ScannedCount"]
                statistics.units += page["ConsumedCapacity"].get("CapacityUnits", 0)
                for found in page["Items"]:
                    try:
                        yield read_record(found)
                    except UnreadableItem:
                        statistics.unreadable.append(found["pk"].get("S", ""))

    def open_calls(self) -> Iterator[SessionRecord]:
        """Return the records of open calls, newest first, using the index of open calls.

        Raises:
            AwsError: The table cannot be read.
            UnreadableItem: A record has an unknown format.
        """
        # The store translates no errors (empty tuple), so that `translate_aws_errors` sees them.
        sessions = DynamoDbSessionStore(self._client, self.name, self._now, ())
        with translate_aws_errors(f"read the open calls of the table {self.name}"):
            # No upper limit for the start time, since the local clock may be slow.
            newest_first = [*sessions.open_calls(sys.maxsize)][::-1]
        for session_id in newest_first:
            found = self.find(session_id)
            if found and self.is_open(found.item):
                yield found.item

    def find(self, session_id: str) -> StoredCall | None:
        """Return everything that is stored about a call; None if there is nothing.

        Raises:
            AwsError: The table cannot be read.
            UnreadableItem: An item has an unknown format.
        """
        kept = self._partition(session_id)
        if not kept:
            return None
        turns: dict[int, Turn] = {}
        latest_expiry = 0
        for name, found in kept.items():
            if name != _CALL:
                overflow, expires_at = read_overflow_turns(session_id, found)
                turns.update((turn.number, turn) for turn in overflow)
                latest_expiry = max(latest_expiry, expires_at)
        empty = SessionRecord(session_id=session_id, status=Status.ENDED, expires_at=latest_expiry)
        item = read_record(kept[_CALL]) if _CALL in kept else empty
        turns.update((turn.number, turn) for turn in item.turns)
        return StoredCall(item, tuple(turns[number] for number in sorted(turns)))

    def erase(self, call: StoredCall) -> None:
        """Erase a call; a tombstone stays until the call would have expired.

        The record, which holds the phone number, is erased after the turns. After a failure,
        `--caller` therefore still finds the rest.

        Raises:
            AwsError: A request to the table fails.
            LocalError: The call has changed since it was read.
        """
        item = call.item
        self.erase_turns(item.session_id)
        if item.version and not is_erased(item):
            self._erase_record(item)
        # An invocation in progress may have written overflow turns meanwhile.
        self.erase_turns(item.session_id)

    def erase_turns(self, session_id: str) -> None:
        """Erase the overflow turns of a call.

        Raises:
            AwsError: A request to the table fails.
        """
        for name in self._partition(session_id):
            if name != _CALL:
                with translate_aws_errors(f"erase turns in the table {self.name}"):
                    self._client.delete_item(TableName=self.name, Key=item_key(session_id, name))

    def _erase_record(self, item: SessionRecord) -> None:
        key = item_key(item.session_id, _CALL)
        version: dict[str, AttributeValueTypeDef] = {":read": {"N": str(item.version)}}
        try:
            with translate_aws_errors(f"erase a call in the table {self.name}"):
                if self.is_live(item):
                    self._client.put_item(
                        TableName=self.name,
                        # Put, not update: attributes of other versions of this code go, too.
                        Item=key | to_dynamodb(to_attributes(_tombstone(item))),
                        ConditionExpression="version = :read",
                        ExpressionAttributeValues=version,
                    )
                else:
                    self._client.delete_item(
                        TableName=self.name,
                        Key=key,
                        ConditionExpression="version = :read",
                        ExpressionAttributeValues=version,
                    )
        except AwsError as error:
            if error.code != _CHANGED:
                raise
            raise LocalError(
                f"the call {printable(item.session_id)} has changed since it was read: try again"
            ) from None

    def _partition(self, session_id: str) -> "dict[str, dict[str, AttributeValueTypeDef]]":
        with translate_aws_errors(f"read the table {self.name}"):
            pages = self._client.get_paginator("query").paginate(
                TableName=self.name,
                KeyConditionExpression="pk = :pk",
                ExpressionAttributeValues={":pk": {"S": session_id}},
                ConsistentRead=True,
            )
            return {item["sk"].get("S", ""): item for page in pages for item in page["Items"]}


def _tombstone(item: SessionRecord) -> SessionRecord:
    """Return the minimal record that makes the functions ignore late events of the call."""
    return SessionRecord(
        session_id=item.session_id,
        version=item.version + 1,
        writers=(_ERASER,),
        status=Status.ENDED,
        expires_at=item.expires_at,
    )
