"""The deployed table on an emulator, and what can be made to go wrong on the way to it."""

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
"""What the client asks of its environment."""

type Item = dict[str, dict[str, Any]]
"""An item as DynamoDB writes it: by attribute, its type and its value."""

_numbers = count(1)


@dataclass(frozen=True)
class Table:
    """A table with the keys of the template, empty at first.

    Attributes:
        client: as the functions make it.
        name: of the table.
        clock: what the sessions on it go by.
    """

    client: "DynamoDBClient"
    name: str
    clock: Clock

    @property
    def sessions(self) -> DynamoDbSessionStore:
        """The store on this table."""
        return DynamoDbSessionStore(self.client, self.name, self.clock, FAULTS)

    def items(self, session_id: str) -> dict[str, Item]:
        """All items of a call as they lie in the table, by sort key."""
        pages = self.client.get_paginator("query").paginate(
            TableName=self.name,
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues={":pk": {"S": session_id}},
        )
        items: list[Any] = [item for page in pages for item in page["Items"]]
        return {item["sk"]["S"]: item for item in items}

    def call(self, session_id: str) -> Item:
        """The session item as it lies in the table."""
        return self.items(session_id)["call"]


@dataclass
class Calls:
    """What was asked of the table, in order; registered at the client's own seam."""

    names: list[str] = field(default_factory=list[str])
    parameters: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    attempts: int = 0

    @classmethod
    def of(cls, client: "DynamoDBClient") -> "Calls":
        """Return the calls of `client` from now on."""
        calls = cls()
        client.meta.events.register("provide-client-params.dynamodb", calls.note)
        client.meta.events.register("before-send.dynamodb", calls.note_attempt)
        return calls

    def note(self, params: dict[str, Any], event_name: str, **_: object) -> None:
        """Take down an API call."""
        self.names.append(event_name.rpartition(".")[2])
        self.parameters.append(params)

    def note_attempt(self, **_: object) -> None:
        """Count a request, first or repeated."""
        self.attempts += 1

    def counted(self) -> Counter[str]:
        """How often each operation was asked for."""
        return Counter(self.names)

    def forget(self) -> None:
        """Start again."""
        self.names.clear()
        self.parameters.clear()
        self.attempts = 0


class Refuses:
    """A table that answers every request with one error."""

    def __init__(self, code: str, message: str = "refused") -> None:
        self.count = 0
        self._body = json.dumps({"__type": f"com.amazonaws#{code}", "message": message}).encode()

    def __call__(self, **_: object) -> AWSResponse:
        """Answer in place of the network."""
        self.count += 1
        return _Canned(self._body)


class _Canned(AWSResponse):
    """A response that was never on a wire."""

    def __init__(self, body: bytes) -> None:
        headers = HTTPHeaders.from_dict({"content-type": "application/x-amz-json-1.0"})
        super().__init__("https://table.invalid", 400, headers, raw=None)
        self._content = body


def in_place_of_the_network(client: "DynamoDBClient", answer: Callable[..., object]) -> None:
    """Let `answer` return or raise what a request to the table comes to."""
    _register(client, "before-send.dynamodb", answer)


def without_pauses(client: "DynamoDBClient") -> None:
    """Let the client ask a second time at once, and then no more."""

    def seconds(attempts: int, **_: object) -> int | None:
        return 0 if attempts < 2 else None

    _register(client, "needs-retry.dynamodb", seconds)


def lose_first_answer(
    client: "DynamoDBClient", operation: str, meanwhile: Callable[[], None] = lambda: None
) -> None:
    """Apply the next `operation`, but lose its answer, so that the client asks again.

    Args:
        client: on which it happens.
        operation: by its name in the API.
        meanwhile: done between the two.
    """
    event = f"needs-retry.dynamodb.{operation}"
    lost: list[bool] = []

    def lose(**_: object) -> int | None:
        if lost:
            return None
        lost.append(True)
        meanwhile()
        return 0  # Seconds until the repetition.

    _register(client, event, lose)


def lose_answer(client: "DynamoDBClient", operation: str, fault: Exception) -> None:
    """Apply the next `operation`, but lose its answer for good: the caller sees `fault`."""
    event = f"after-call.dynamodb.{operation}"
    lost: list[bool] = []

    def lose(**_: object) -> None:
        if not lost:
            lost.append(True)
            raise fault

    _register(client, event, lose)


def _register(client: "DynamoDBClient", event: str, handler: Callable[..., object]) -> None:
    # The stubs say that handlers return nothing; what some of them return is what they are for.
    client.meta.events.register_first(event, cast("Callable[..., None]", handler))


@contextmanager
def moto_table(clock: Clock) -> Generator[Table]:
    """A table on moto, inside this process."""
    with mock_aws():
        client = dynamodb_client()
        yield Table(client, _create(client), clock)
        client.close()


@contextmanager
def served_table(clock: Clock) -> Generator[Table]:
    """A table where the environment's `AWS_ENDPOINT_URL_DYNAMODB` points to."""
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
