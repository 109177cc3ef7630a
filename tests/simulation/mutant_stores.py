"""Mutants of the session store; see `mutants`."""

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from aiflow.sessions.dynamodb import DynamoDbSessionStore
from aiflow.sessions.record import SessionRecord
from aiflow.sessions.store import CommitConflict
from tests.simulation.dynamodb_client import TableUnavailable
from tests.simulation.fake_aws import MakeStore, production_store

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

type Now = Callable[[], float]


class FieldDroppingClient:
    """A client that removes a field from each request.

    Args:
        client: the complete client.
        dropped: name of the field.
    """

    def __init__(self, client: "DynamoDBClient", dropped: str) -> None:
        self._client: Any = client
        self._dropped = dropped

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - any member
        """Return a member of the client; request methods drop the field."""
        found = getattr(self._client, name)
        if name not in {"get_item", "put_item", "update_item"}:
            return found

        def ask(**request: Any) -> Any:  # noqa: ANN401 - JSON
            request.pop(self._dropped, None)
            return found(**request)

        return ask


def without_request_field(dropped: str) -> MakeStore:
    """Return a factory of stores whose requests lack a field."""

    def make(client: "DynamoDBClient", now: Now) -> DynamoDbSessionStore:
        return production_store(cast("DynamoDBClient", FieldDroppingClient(client, dropped)), now)

    return make


class NoWriterId(DynamoDbSessionStore):
    """Does not know who wrote a record."""

    def load(self, session_id: str) -> SessionRecord | None:
        """See `SessionStore.load`."""
        record = super().load(session_id)
        return record and replace(record, writers=())


class WholeHistoryOverwrite(DynamoDbSessionStore):
    """Overwrites a concurrent commit with its own history."""

    def commit(self, record: SessionRecord) -> None:
        """See `SessionStore.commit`."""
        try:
            super().commit(record)
        except CommitConflict as conflict:
            if conflict.current is None:
                raise
            super().commit(replace(record, version=conflict.current.version + 1))


class OverflowAfterCommit(DynamoDbSessionStore):
    """Stores turns that leave the record after the commit instead of before."""

    def commit(self, record: SessionRecord) -> None:
        """See `SessionStore.commit`."""
        leaving, kept = record.split_overflow()
        super().commit(kept)
        if leaving:
            self._store_overflow(record, leaving)


def store_of(store: type[DynamoDbSessionStore]) -> MakeStore:
    """Return a factory of stores of a class."""
    return lambda client, now: store(client, "sessions", now, (TableUnavailable,))


def never_expired(client: "DynamoDBClient", _: Now) -> DynamoDbSessionStore:
    """Return a store that reads expired items until the table deletes them."""
    return production_store(client, lambda: 0.0)
