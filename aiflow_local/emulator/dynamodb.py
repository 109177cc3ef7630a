"""An embedded DynamoDB: moto in this process, with the tables of the template."""

import os
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from threading import Lock
from typing import TYPE_CHECKING, Any

from moto import mock_aws

from aiflow.aws_clients import FAULTS, dynamodb_client
from aiflow.protocol.types import JsonObject
from aiflow.sessions.record import SessionRecord, Turn
from aiflow.sessions.store import SessionStore
from aiflow_local.errors import TemplateError
from aiflow_local.stack.intrinsics import REGION

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

# Properties that CreateTable accepts; the others are for CloudFormation only.
_CREATE_TABLE_PROPERTIES = (
    "AttributeDefinitions",
    "KeySchema",
    "BillingMode",
    "ProvisionedThroughput",
    "GlobalSecondaryIndexes",
    "LocalSecondaryIndexes",
)
# Variables of the developer's environment that would send requests to another account or endpoint.
_REMOVED_VARIABLES = (
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_DYNAMODB",
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
    "AWS_USE_FIPS_ENDPOINT",
    "AWS_USE_DUALSTACK_ENDPOINT",
)


class SerializedSessionStore:
    """A `SessionStore` that serializes access with a lock, since moto is not thread-safe.

    Args:
        store: The store to access.
        lock: The lock that all users of the same tables share.
    """

    def __init__(self, store: SessionStore, lock: Lock) -> None:
        self._store = store
        self._lock = lock

    def load(self, session_id: str) -> SessionRecord | None:
        """See `SessionStore.load`."""
        with self._lock:
            return self._store.load(session_id)

    def commit(self, item: SessionRecord) -> None:
        """See `SessionStore.commit`."""
        with self._lock:
            self._store.commit(item)

    def turns(self, session_id: str) -> tuple[Turn, ...]:
        """See `SessionStore.turns`."""
        with self._lock:
            return self._store.turns(session_id)


@contextmanager
def embedded_dynamodb() -> Generator["DynamoDBClient"]:
    """Provide a client of an embedded DynamoDB for the duration of the block.

    No request reaches AWS. The environment of the process is changed in the block, and restored
    at its end.
    """
    before = dict(os.environ)
    for name in _REMOVED_VARIABLES:
        os.environ.pop(name, None)
    no_files = {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}
    os.environ.update(no_files, AWS_DEFAULT_REGION=REGION, AWS_REGION=REGION)
    try:
        with mock_aws():
            yield dynamodb_client()
    finally:
        os.environ.clear()
        os.environ.update(before)


def create_tables(client: "DynamoDBClient", tables: Mapping[str, JsonObject]) -> None:
    """Create the tables that do not exist yet.

    Raises:
        TemplateError: DynamoDB rejects the properties of a table.
    """
    existing = client.list_tables()["TableNames"]
    for name, properties in tables.items():
        if name not in existing:
            settings: Any = {
                key: properties[key] for key in _CREATE_TABLE_PROPERTIES if key in properties
            }
            try:
                client.create_table(TableName=name, **settings)
            except FAULTS as error:
                raise TemplateError(f"the table {name} cannot be created: {error}") from None
