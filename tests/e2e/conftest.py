"""The built functions, each in its own emulator, on one DynamoDB table behind a real socket."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache
from hashlib import sha256
from typing import TYPE_CHECKING, cast

import pytest
from botocore.session import get_session
from moto.server import ThreadedMotoServer

from tests.support.emulator import BUILD, Emulator
from tests.support.loopback import HOST, free_port
from tests.support.template import ROOT, Template

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

TOKEN = "a token of at least 32 characters, made up for this test"

type Start = Callable[[str], Emulator]


@pytest.fixture(scope="session")
def aws() -> Iterator[dict[str, str]]:
    """The environment in which AWS is this machine, and has the table of the template."""
    port = free_port()
    server = ThreadedMotoServer(HOST, port, verbose=False)
    server.start()
    environment = {
        "AWS_ENDPOINT_URL_DYNAMODB": f"http://{HOST}:{port}",
        "AWS_REGION": "eu-central-1",
        "AWS_DEFAULT_REGION": "eu-central-1",
        "AWS_ACCESS_KEY_ID": "nobody",
        "AWS_SECRET_ACCESS_KEY": "nothing",
    }
    (table,) = Template(ROOT / "template.yaml").properties("AWS::DynamoDB::Table").values()
    client = cast(
        "DynamoDBClient",
        get_session().create_client(
            "dynamodb",
            region_name=environment["AWS_REGION"],
            endpoint_url=environment["AWS_ENDPOINT_URL_DYNAMODB"],
            aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
        ),
    )
    client.create_table(
        TableName="sessions",
        BillingMode=table["BillingMode"],
        AttributeDefinitions=table["AttributeDefinitions"],
        KeySchema=table["KeySchema"],
    )
    yield environment
    server.stop()


@pytest.fixture(scope="session")
def environment(aws: dict[str, str]) -> dict[str, str]:
    """The environment of a deployed function: every variable that the template names."""
    function = Template(BUILD / "template.yaml").functions["WebhookFunction"]
    return {
        **dict.fromkeys(function["Environment"]["Variables"], ""),
        **aws,
        "API_TOKEN_SHA256": sha256(TOKEN.encode()).hexdigest(),
        "SESSIONS_TABLE": "sessions",
    }


@pytest.fixture(scope="session")
def start(environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Start]:
    """Start a function on first use, and keep it warm until the last test has ended."""
    logs = tmp_path_factory.mktemp("functions")
    with ExitStack() as running:

        @cache
        def start(function: str) -> Emulator:
            log = logs / f"{function}.log"
            return running.enter_context(Emulator(function, environment, log))

        yield start
