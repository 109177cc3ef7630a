"""Stores that are wrong in one way each, see `mutants`."""

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from aiflow.sessions.dynamodb import DynamoDbSessionStore
from aiflow.sessions.record import SessionRecord
from aiflow.sessions.store import CommitConflict
from tests.simulation.client import TableFault
from tests.simulation.cloud import MakeStore, production_store

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

type Now = Callable[[], float]


class Careless:
    """A client that leaves a part of each request out, or changes it.

    Args:
        client: the real one.
        left_out: names of parts.
    """

    def __init__(self, client: "DynamoDBClient", left_out: str) -> None:
        self._client: Any = client
        self._left_out = left_out

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the client has
        """Return what the client has."""
        found = getattr(self._client, name)
        if name not in {"get_item", "put_item", "update_item"}:
            return found

        def ask(**request: Any) -> Any:  # noqa: ANN401 - JSON
            request.pop(self._left_out, None)
            return found(**request)

        return ask


def careless(left_out: str) -> MakeStore:
    """Return what makes a store whose requests lack a part."""

    def make(client: "DynamoDBClient", now: Now) -> DynamoDbSessionStore:
        return production_store(cast("DynamoDBClient", Careless(client, left_out)), now)

    return make


class NoWriterId(DynamoDbSessionStore):
    """Does not know who wrote what."""

    def load(self, session_id: str) -> SessionRecord | None:
        """See `SessionStore.load`."""
        item = super().load(session_id)
        return item and replace(item, writers=())


class WholeHistoryOverwrite(DynamoDbSessionStore):
    """Writes its own history over that of whoever was faster."""

    def commit(self, item: SessionRecord) -> None:
        """See `SessionStore.commit`."""
        try:
            super().commit(item)
        except CommitConflict as conflict:
            if conflict.current is None:
                raise
            super().commit(replace(item, version=conflict.current.version + 1))


class LeavesTooLate(DynamoDbSessionStore):
    """Keeps the turns that leave the item when it has been written without them."""

    def commit(self, item: SessionRecord) -> None:
        """See `SessionStore.commit`."""
        leaving, kept = item.split_overflow()
        super().commit(kept)
        if leaving:
            self._store_overflow(item, leaving)


def made_by(store: type[DynamoDbSessionStore]) -> MakeStore:
    """Return what makes stores of a kind."""
    return lambda client, now: store(client, "sessions", now, (TableFault,))


def never_expiring(client: "DynamoDBClient", _: Now) -> DynamoDbSessionStore:
    """Return a store that leaves it to the table to delete what has expired."""
    return production_store(client, lambda: 0.0)
