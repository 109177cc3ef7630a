"""The table of the template on an emulator, and simulated faults of its client."""

import json
from collections import Counter
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Any, cast

from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from moto import mock_aws

from aiflow.aws_clients import FAULTS, dynamodb_client
from aiflow.sessions.dynamodb import DynamoDbSessionStore
from tests.helpers.runtime import Clock
from tests.helpers.template import ROOT, Template

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "made-up",
    "AWS_SECRET_ACCESS_KEY": "made-up",
    "AWS_DEFAULT_REGION": "eu-central-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}
"""The environment variables of the client."""

type Item = dict[str, dict[str, Any]]
"""An item in the format of DynamoDB: from attribute to type and value."""

_numbers = count(1)


@dataclass(frozen=True)
class Table:
    """A table with the keys of the template, initially empty.

    Attributes:
        client: built as in the functions.
        name: of the table.
        clock: of its session store.
    """

    client: "DynamoDBClient"
    name: str
    clock: Clock

    @property
    def sessions(self) -> DynamoDbSessionStore:
        """A new session store on this table."""
        return DynamoDbSessionStore(self.client, self.name, self.clock, FAULTS)

    def items(self, session_id: str) -> dict[str, Item]:
        """Return all stored items of a call, by sort key."""
        pages = self.client.get_paginator("query").paginate(
            TableName=self.name,
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues={":pk": {"S": session_id}},
        )
        items: list[Any] = [item for page in pages for item in page["Items"]]
        return {item["sk"]["S"]: item for item in items}

    def call(self, session_id: str) -> Item:
        """Return the stored session record of a call."""
        return self.items(session_id)["call"]


@dataclass
class RecordedRequests:
    """The requests to a table, in order, recorded by event hooks of the client."""

    names: list[str] = field(default_factory=list[str])
    parameters: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    attempts: int = 0

    @classmethod
    def of(cls, client: "DynamoDBClient") -> "RecordedRequests":
        """Record the requests of `client` from now on."""
        recorded = cls()
        client.meta.events.register("provide-client-params.dynamodb", recorded.note)
        client.meta.events.register("before-send.dynamodb", recorded.note_attempt)
        return recorded

    def note(self, params: dict[str, Any], event_name: str, **_: object) -> None:
        """Record an API call."""
        self.names.append(event_name.rpartition(".")[2])
        self.parameters.append(params)

    def note_attempt(self, **_: object) -> None:
        """Count an HTTP request, including retries."""
        self.attempts += 1

    def counted(self) -> Counter[str]:
        """Return the number of calls per operation."""
        return Counter(self.names)

    def forget(self) -> None:
        """Clear the record."""
        self.names.clear()
        self.parameters.clear()
        self.attempts = 0


class ErrorResponse:
    """Responds to every request with an error, in place of the network."""

    def __init__(self, code: str, message: str = "refused") -> None:
        self.count = 0
        self._body = json.dumps({"__type": f"com.amazonaws#{code}", "message": message}).encode()

    def __call__(self, **_: object) -> AWSResponse:
        """Count the request, and return the error."""
        self.count += 1
        return _FixedResponse(self._body)


class _FixedResponse(AWSResponse):
    """A response without a network."""

    def __init__(self, body: bytes) -> None:
        headers = HTTPHeaders.from_dict({"content-type": "application/x-amz-json-1.0"})
        super().__init__("https://table.invalid", 400, headers, raw=None)
        self._content = body


def replace_network(client: "DynamoDBClient", answer: Callable[..., object]) -> None:
    """Call `answer` for each HTTP request, which returns or raises the result."""
    _register(client, "before-send.dynamodb", answer)


def retry_without_pause(client: "DynamoDBClient") -> None:
    """Make the client retry once, without a delay."""

    def seconds(attempts: int, **_: object) -> int | None:
        return 0 if attempts < 2 else None

    _register(client, "needs-retry.dynamodb", seconds)


def lose_first_response(
    client: "DynamoDBClient", operation: str, before_retry: Callable[[], None] = lambda: None
) -> None:
    """Apply the next `operation` but lose its response, so that the client retries.

    Args:
        client: of the table.
        operation: name in the API.
        before_retry: called before the retry.
    """
    event = f"needs-retry.dynamodb.{operation}"
    lost: list[bool] = []

    def lose(**_: object) -> int | None:
        if lost:
            return None
        lost.append(True)
        before_retry()
        return 0  # Seconds until the retry.

    _register(client, event, lose)


def lose_response(client: "DynamoDBClient", operation: str, fault: Exception) -> None:
    """Apply the next `operation` but lose its response: the caller gets `fault`."""
    event = f"after-call.dynamodb.{operation}"
    lost: list[bool] = []

    def lose(**_: object) -> None:
        if not lost:
            lost.append(True)
            raise fault

    _register(client, event, lose)


def _register(client: "DynamoDBClient", event: str, handler: Callable[..., object]) -> None:
    # The stubs declare that handlers return nothing, but botocore uses their results.
    client.meta.events.register_first(event, cast("Callable[..., None]", handler))


@contextmanager
def moto_table(clock: Clock) -> Generator[Table]:
    """Create a table on moto, inside this process."""
    with mock_aws():
        client = dynamodb_client()
        yield Table(client, _create(client), clock)
        client.close()


@contextmanager
def served_table(clock: Clock) -> Generator[Table]:
    """Create a table at the `AWS_ENDPOINT_URL_DYNAMODB` of the environment."""
    client = dynamodb_client()
    yield Table(client, _create(client), clock)
    client.close()


def _create(client: "DynamoDBClient") -> str:
    (properties,) = Template(ROOT / "template.yaml").properties("AWS::DynamoDB::Table").values()
    name = f"sessions-{next(_numbers)}"
    client.create_table(
        TableName=name,
        AttributeDefinitions=properties["AttributeDefinitions"],
        KeySchema=properties["KeySchema"],
        BillingMode=properties["BillingMode"],
        GlobalSecondaryIndexes=properties["GlobalSecondaryIndexes"],
    )
    client.get_waiter("table_exists").wait(TableName=name, WaiterConfig={"Delay": 1})
    return name
