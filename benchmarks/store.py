"""The tables of all contenders: in Dynalite on a real socket, or in moto's server without Node."""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from botocore.session import get_session
from moto.server import ThreadedMotoServer

from tests.helpers.dynalite import NoDynalite, dynalite
from tests.helpers.loopback import HOST, free_port

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_KEYS = (("id",), ("pk", "sk"))


@dataclass(frozen=True)
class Store:
    """A DynamoDB server with one table per key schema.

    Attributes:
        name: name of the server.
        endpoint: its URL.
    """

    name: str
    endpoint: str

    @staticmethod
    def table(key: Sequence[str]) -> str:
        """Return the name of the table with this key."""
        return f"calls-by-{'-'.join(key)}"


@contextmanager
def running_store() -> Generator[Store]:
    """Start the server and create its tables."""
    try:
        with dynalite() as endpoint:
            yield _with_tables(Store("dynalite", endpoint))
    except NoDynalite:
        port = free_port()
        server = ThreadedMotoServer(HOST, port, verbose=False)
        server.start()
        try:
            yield _with_tables(Store("moto server", f"http://{HOST}:{port}"))
        finally:
            server.stop()


def _with_tables(store: Store) -> Store:
    client = cast(
        "DynamoDBClient",
        get_session().create_client(
            "dynamodb",
            region_name="eu-central-1",
            endpoint_url=store.endpoint,
            aws_access_key_id="made-up",
            aws_secret_access_key="made-up",  # noqa: S106 - not a secret
        ),
    )
    for key in _KEYS:
        client.create_table(
            TableName=store.table(key),
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in key],
            KeySchema=[
                {"AttributeName": name, "KeyType": "RANGE" if position else "HASH"}
                for position, name in enumerate(key)
            ],
            BillingMode="PAY_PER_REQUEST",
        )
    client.close()
    return store
