"""DynamoDB, embedded: moto in this process, with the tables of the template."""

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

# What CreateTable takes; the rest of the properties is for CloudFormation.
_CREATE = (
    "AttributeDefinitions",
    "KeySchema",
    "BillingMode",
    "ProvisionedThroughput",
    "GlobalSecondaryIndexes",
    "LocalSecondaryIndexes",
)
# With these a client would go to where the developer goes for other work.
_FOREIGN = (
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_DYNAMODB",
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
    "AWS_USE_FIPS_ENDPOINT",
    "AWS_USE_DUALSTACK_ENDPOINT",
)


class OneAtATime:
    """A `SessionStore` that lets one thread in at a time: moto is not made for several.

    Args:
        store: the real one.
        lock: shared by all that work on the same tables.
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
    """Return a client of a DynamoDB that lives as long as the block; nothing of AWS is touched.

    Meanwhile the environment of the process is that of the block; it is put back at its end.
    """
    before = dict(os.environ)
    for name in _FOREIGN:
        os.environ.pop(name, None)
    nowhere = {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}
    os.environ.update(nowhere, AWS_DEFAULT_REGION=REGION, AWS_REGION=REGION)
    try:
        with mock_aws():
            yield dynamodb_client()
    finally:
        os.environ.clear()
        os.environ.update(before)


def create_tables(client: "DynamoDBClient", tables: Mapping[str, JsonObject]) -> None:
    """Create those tables that are not there yet.

    Raises:
        TemplateError: DynamoDB does not take what the template says of one.
    """
    existing = client.list_tables()["TableNames"]
    for name, properties in tables.items():
        if name not in existing:
            settings: Any = {key: properties[key] for key in _CREATE if key in properties}
            try:
                client.create_table(TableName=name, **settings)
            except FAULTS as error:
                raise TemplateError(f"the table {name} cannot be created: {error}") from None
