"""The AWS clients, with short timeouts.

botocore's session is all that is needed of boto3, and loads in half the time. What each setting
saves: docs/performance.md.
"""

from functools import cache
from typing import TYPE_CHECKING, cast

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.session import Session, get_session

from aiflow.botocore_loader import MinimalLoader

if TYPE_CHECKING:
    from mypy_boto3_apigatewaymanagementapi import ApiGatewayManagementApiClient
    from mypy_boto3_dynamodb import DynamoDBClient

FAULTS: tuple[type[Exception], ...] = (BotoCoreError, ClientError)
"""What a client raises on failure."""


def dynamodb_client() -> "DynamoDBClient":
    """Return a client for the region and credentials of the environment."""
    # The stubs type boto3's clients, which are those of botocore.
    client = _session().create_client("dynamodb", config=_config())
    return cast("DynamoDBClient", client)


def connections_client() -> "ApiGatewayManagementApiClient":
    """Return a client for the WebSocket API of AWS_ENDPOINT_URL_APIGATEWAYMANAGEMENTAPI."""
    client = _session().create_client("apigatewaymanagementapi", config=_config())
    return cast("ApiGatewayManagementApiClient", client)


@cache
def _session() -> Session:
    session = get_session()
    session.register_component("data_loader", MinimalLoader())
    return session


def _config() -> Config:
    return Config(
        # The caller waits meanwhile. The defaults of 60 s would outlive the call; one retry fits
        # into the answer deadline.
        connect_timeout=0.3,
        read_timeout=0.7,
        retries={"total_max_attempts": 2, "mode": "standard"},
        # All requests are built in two modules, whose tests send each of them.
        parameter_validation=False,
        # Otherwise botocore assembles the same header for each request, twice.
        user_agent=_session().user_agent(),
    )
