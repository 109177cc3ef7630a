"""AWS clients for the operator, and error messages that say what to do."""

import os
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    NoCredentialsError,
    NoRegionError,
    ProfileNotFound,
    SSOError,
    TokenRetrievalError,
)
from botocore.exceptions import (
    ConnectionError as AwsConnectionError,
)

from aiflow_local.errors import LocalError

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_sns import SNSClient
    from mypy_boto3_sts import STSClient

_NO_CREDENTIALS = (
    NoCredentialsError,
    CredentialRetrievalError,
    TokenRetrievalError,
    SSOError,
)
_LOGIN = "log in (`aws sso login` or `aws configure`), or name a --profile"
_REMEDIES = {
    "ExpiredToken": f"the credentials have expired: {_LOGIN}",
    "ExpiredTokenException": f"the credentials have expired: {_LOGIN}",
    "UnrecognizedClientException": f"AWS does not accept these credentials: {_LOGIN}",
    "InvalidClientTokenId": f"AWS does not accept these credentials: {_LOGIN}",
    "ResourceNotFoundException": "the resource does not exist in this region and account",
    "SignatureDoesNotMatch": f"the secret does not match the access key: {_LOGIN}",
}
_DENIED = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"})


class AwsError(LocalError):
    """A failed AWS request; the message says what to do.

    Attributes:
        code: The error code of AWS; empty if the request did not reach AWS.
    """

    def __init__(self, message: str, code: str = "") -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class AwsSession:
    """Clients for one account and region, created on first use.

    Attributes:
        region: None selects the region of the environment or of the profile.
        profile: None selects the profile of the environment.
        endpoint_url: The endpoint of a DynamoDB outside AWS, if any.
    """

    region: str | None = None
    profile: str | None = None
    endpoint_url: str | None = None

    @cached_property
    def _session(self) -> boto3.session.Session:
        with translate_aws_errors("find out who you are"):
            session = boto3.session.Session(profile_name=self.profile, region_name=self.region)
        if self.endpoint_url and session.get_credentials() is None:
            # A local DynamoDB requires a signature, but accepts any credentials.
            return boto3.session.Session("local", "local", region_name=session.region_name)
        return session

    @property
    def region_name(self) -> str | None:
        """The effective region; None if none is configured."""
        return self._session.region_name or os.environ.get("AWS_REGION")

    def _client(self, service: str, endpoint_url: str | None = None) -> Any:  # noqa: ANN401 - of any service
        config = Config(
            region_name=self.region_name,
            connect_timeout=5,
            retries={"mode": "standard", "total_max_attempts": 4},
        )
        # The type stubs accept a service name only as a literal.
        session: Any = self._session
        with translate_aws_errors(f"reach {service}"):
            return session.client(service, endpoint_url=endpoint_url, config=config)

    @cached_property
    def dynamodb(self) -> "DynamoDBClient":
        """The DynamoDB client."""
        client: DynamoDBClient = self._client("dynamodb", self.endpoint_url)
        return client

    @cached_property
    def cloudformation(self) -> "CloudFormationClient":
        """The CloudFormation client."""
        client: CloudFormationClient = self._client("cloudformation")
        return client

    @cached_property
    def cloudwatch(self) -> "CloudWatchClient":
        """The CloudWatch client."""
        client: CloudWatchClient = self._client("cloudwatch")
        return client

    @cached_property
    def logs(self) -> "CloudWatchLogsClient":
        """The CloudWatch Logs client."""
        client: CloudWatchLogsClient = self._client("logs")
        return client

    @cached_property
    def sns(self) -> "SNSClient":
        """The SNS client."""
        client: SNSClient = self._client("sns")
        return client

    @cached_property
    def sts(self) -> "STSClient":
        """The STS client."""
        client: STSClient = self._client("sts")
        return client


@contextmanager
def translate_aws_errors(action: str) -> Generator[None]:
    """Translate errors of AWS and botocore into an `AwsError`.

    Args:
        action: A verb phrase that completes `AWS refused to ...`.

    Raises:
        AwsError: AWS rejected the request, or could not be reached.
    """
    try:
        yield
    except ClientError as error:
        details = error.response.get("Error", {})
        code, text = str(details.get("Code", "")), str(details.get("Message", error))
        if code in _DENIED:
            message = (
                f"AWS refused to {action}: the policy of these credentials does not allow"
                f" {error.operation_name}"
            )
        else:
            message = f"AWS refused to {action}: {_REMEDIES.get(code, text)}"
        raise AwsError(message, code) from None
    except (BotoCoreError, ValueError) as error:
        raise AwsError(f"cannot {action}: {_reason(error)}") from None


def _reason(error: Exception) -> str:
    if isinstance(error, ProfileNotFound):
        return f"{error}: `aws configure list-profiles` lists the profiles"
    if isinstance(error, _NO_CREDENTIALS):
        return f"no valid AWS credentials were found: {_LOGIN}"
    if isinstance(error, NoRegionError):
        return "no region is set: give --region"
    if isinstance(error, AwsConnectionError):
        return f"the connection failed ({error})"
    return str(error)
