"""The table as an operator reads it: whole calls, and what the functions no longer look at."""

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aiflow.sessions.codec import to_attributes
from aiflow.sessions.dynamodb import DynamoDbSessionStore, item_key, to_dynamodb
from aiflow.sessions.record import SessionRecord, Status, Turn
from aiflow_local.errors import LocalError
from aiflow_local.ops.aws_session import AwsError, asked
from aiflow_local.ops.calls.item_reader import NotReadable, Reading, item_of, left_over
from aiflow_local.printable import printable

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef

_CALL = "call"
_ERASER = "aiflow calls erase"
_CHANGED = "ConditionalCheckFailedException"


@dataclass(frozen=True)
class KeptCall:
    """All that lies in the table of one call.

    Attributes:
        item: its latest version; one of version 0 where only turns are left.
        turns: all of them, oldest first.
    """

    item: SessionRecord
    turns: tuple[Turn, ...]


def is_erased(item: SessionRecord) -> bool:
    """Tell whether only a tombstone is left of a call."""
    return item.writers == (_ERASER,)


class CallTable:
    """The calls of a stack.

    Args:
        client: of the account and region of the table.
        name: of the table.
        now: the clock, Unix time in seconds.
    """

    def __init__(self, client: "DynamoDBClient", name: str, now: Callable[[], float]) -> None:
        self._client = client
        self._now = now
        self.name = name

    def is_live(self, item: SessionRecord) -> bool:
        """Tell whether the functions still see a call: expired items are deleted late."""
        return item.expires_at > self._now()

    def is_open(self, item: SessionRecord) -> bool:
        """Tell whether a call goes on."""
        return self.is_live(item) and item.status is not Status.ENDED

    def scan(self, reading: Reading) -> Iterator[SessionRecord]:
        """Return all calls, in no order, by reading the whole table.

        Args:
            reading: told what it comes to.

        Raises:
            AwsError: the table cannot be read.
        """
        pages = self._client.get_paginator("scan").paginate(
            TableName=self.name,
            FilterExpression="sk = :call",
            ExpressionAttributeValues={":call": {"S": _CALL}},
            ReturnConsumedCapacity="TOTAL",
        )
        with asked(f"read the table {self.name}"):
            for page in pages:
                reading.items += page["ScannedCount"]
                reading.units += page["ConsumedCapacity"].get("CapacityUnits", 0)
                for found in page["Items"]:
                    try:
                        yield item_of(found)
                    except NotReadable:
                        reading.unreadable.append(found["pk"].get("S", ""))

    def open_calls(self) -> Iterator[SessionRecord]:
        """Return the calls that have not ended, newest first, by their index.

        Raises:
            AwsError: the table cannot be read.
            NotReadable: one of them cannot be read.
        """
        # No fault is turned into another: `asked` tells what to do about each.
        sessions = DynamoDbSessionStore(self._client, self.name, self._now, ())
        with asked(f"read the open calls of the table {self.name}"):
            # Whenever they began: the clock of this machine may be behind.
            newest_first = [*sessions.open_calls(sys.maxsize)][::-1]
        for session_id in newest_first:
            found = self.find(session_id)
            if found and self.is_open(found.item):
                yield found.item

    def find(self, session_id: str) -> KeptCall | None:
        """Return all that lies in the table of a call; None if nothing does.

        Raises:
            AwsError: the table cannot be read.
            NotReadable: the call cannot be read.
        """
        kept = self._partition(session_id)
        if not kept:
            return None
        turns: dict[int, Turn] = {}
        last_of_them = 0
        for name, found in kept.items():
            if name != _CALL:
                gone, expires_at = left_over(session_id, found)
                turns.update((turn.number, turn) for turn in gone)
                last_of_them = max(last_of_them, expires_at)
        left = SessionRecord(session_id=session_id, status=Status.ENDED, expires_at=last_of_them)
        item = item_of(kept[_CALL]) if _CALL in kept else left
        turns.update((turn.number, turn) for turn in item.turns)
        return KeptCall(item, tuple(turns[number] for number in sorted(turns)))

    def erase(self, call: KeptCall) -> None:
        """Erase a call, up to a tombstone while an event of it could still arrive.

        The number goes last: whoever looks for it again after a failure finds the rest.

        Raises:
            AwsError: the table does not take it.
            LocalError: the call has gone on meanwhile.
        """
        item = call.item
        self.erase_turns(item.session_id)
        if item.version and not is_erased(item):
            self._bury(item)
        # An event that was being answered may have moved turns out of the item.
        self.erase_turns(item.session_id)

    def erase_turns(self, session_id: str) -> None:
        """Erase the turns that left a call.

        Raises:
            AwsError: the table does not take it.
        """
        for name in self._partition(session_id):
            if name != _CALL:
                with asked(f"erase turns in the table {self.name}"):
                    self._client.delete_item(TableName=self.name, Key=item_key(session_id, name))

    def _bury(self, item: SessionRecord) -> None:
        key = item_key(item.session_id, _CALL)
        version: dict[str, AttributeValueTypeDef] = {":read": {"N": str(item.version)}}
        try:
            with asked(f"erase a call in the table {self.name}"):
                if self.is_live(item):
                    self._client.put_item(
                        TableName=self.name,
                        # As a whole: nothing stays that another version of this code may have kept.
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
            message = "went on while it was to be erased: look at it, try again"
            raise LocalError(f"{printable(item.session_id)} {message}") from None

    def _partition(self, session_id: str) -> "dict[str, dict[str, AttributeValueTypeDef]]":
        with asked(f"read the table {self.name}"):
            pages = self._client.get_paginator("query").paginate(
                TableName=self.name,
                KeyConditionExpression="pk = :pk",
                ExpressionAttributeValues={":pk": {"S": session_id}},
                ConsistentRead=True,
            )
            return {item["sk"].get("S", ""): item for page in pages for item in page["Items"]}


def _tombstone(item: SessionRecord) -> SessionRecord:
    """Return what the fence needs to know of a call, and no more."""
    return SessionRecord(
        session_id=item.session_id,
        version=item.version + 1,
        writers=(_ERASER,),
        status=Status.ENDED,
        expires_at=item.expires_at,
    )
