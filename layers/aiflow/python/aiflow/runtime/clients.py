"""The AWS clients: the one place that imports botocore.

botocore's session is all that is needed of boto3, and loads in half the time.
"""

from typing import TYPE_CHECKING, cast

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.session import get_session

if TYPE_CHECKING:
    from mypy_boto3_apigatewaymanagementapi import ApiGatewayManagementApiClient
    from mypy_boto3_dynamodb import DynamoDBClient

FAULTS: tuple[type[Exception], ...] = (BotoCoreError, ClientError)
"""What a client raises when AWS did not do what it was asked."""

# A caller hears the wait. The defaults, 60 s each, would outlive the call; one repetition is what
# the answer's budget has room for.
_PATIENCE = Config(
    connect_timeout=0.3, read_timeout=0.7, retries={"total_max_attempts": 2, "mode": "standard"}
)


def dynamodb_client() -> "DynamoDBClient":
    """Return a client for the region and credentials of the environment."""
    # The stubs type boto3's clients, and botocore's are the same.
    return cast("DynamoDBClient", get_session().create_client("dynamodb", config=_PATIENCE))


def connections_client() -> "ApiGatewayManagementApiClient":
    """Return a client for the WebSocket API of AWS_ENDPOINT_URL_APIGATEWAYMANAGEMENTAPI."""
    client = get_session().create_client("apigatewaymanagementapi", config=_PATIENCE)
    return cast("ApiGatewayManagementApiClient", client)
