"""AWS as an operator reaches it, and its errors in words that say what to do."""

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
    ConnectionError as NoConnection,
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
    "UnrecognizedClientException": f"AWS does not know these credentials: {_LOGIN}",
    "InvalidClientTokenId": f"AWS does not know these credentials: {_LOGIN}",
    "ResourceNotFoundException": "nothing is there by this name, in this region and account",
    "SignatureDoesNotMatch": f"the secret does not fit the access key: {_LOGIN}",
}
_DENIED = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"})


class AwsError(LocalError):
    """AWS did not do what it was asked; the message says what to do about it.

    Attributes:
        code: of the error, as AWS names it; empty where AWS was not reached.
    """

    def __init__(self, message: str, code: str = "") -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class Account:
    """Clients for one account and region; made when they are needed.

    Attributes:
        region: None takes the one of the environment, or of the profile.
        profile: None takes the one of the environment.
        endpoint_url: of a DynamoDB that is not AWS's.
    """

    region: str | None = None
    profile: str | None = None
    endpoint_url: str | None = None

    @cached_property
    def _session(self) -> boto3.session.Session:
        with asked("find out who you are"):
            session = boto3.session.Session(profile_name=self.profile, region_name=self.region)
        if self.endpoint_url and session.get_credentials() is None:
            # A table on this machine asks for a signature, and not for whose it is.
            return boto3.session.Session("local", "local", region_name=session.region_name)
        return session

    @property
    def region_name(self) -> str | None:
        """The region that is in force; None if nobody says one."""
        return self._session.region_name or os.environ.get("AWS_REGION")

    def _client(self, service: str, endpoint_url: str | None = None) -> Any:  # noqa: ANN401 - of any service
        config = Config(
            region_name=self.region_name,
            connect_timeout=5,
            retries={"mode": "standard", "total_max_attempts": 4},
        )
        # The stubs know a client by a literal only.
        session: Any = self._session
        with asked(f"reach {service}"):
            return session.client(service, endpoint_url=endpoint_url, config=config)

    @cached_property
    def dynamodb(self) -> "DynamoDBClient":
        """The tables."""
        client: DynamoDBClient = self._client("dynamodb", self.endpoint_url)
        return client

    @cached_property
    def cloudformation(self) -> "CloudFormationClient":
        """The stacks."""
        client: CloudFormationClient = self._client("cloudformation")
        return client

    @cached_property
    def cloudwatch(self) -> "CloudWatchClient":
        """The metrics."""
        client: CloudWatchClient = self._client("cloudwatch")
        return client

    @cached_property
    def logs(self) -> "CloudWatchLogsClient":
        """The logs."""
        client: CloudWatchLogsClient = self._client("logs")
        return client

    @cached_property
    def sns(self) -> "SNSClient":
        """Who is told of alarms."""
        client: SNSClient = self._client("sns")
        return client

    @cached_property
    def sts(self) -> "STSClient":
        """Who we are."""
        client: STSClient = self._client("sts")
        return client


@contextmanager
def asked(to: str) -> Generator[None]:
    """Turn what AWS or its client raises into one line.

    Args:
        to: what was asked for, as in `AWS refused to ...`.

    Raises:
        AwsError: in place of it.
    """
    try:
        yield
    except ClientError as error:
        details = error.response.get("Error", {})
        code, text = str(details.get("Code", "")), str(details.get("Message", error))
        if code in _DENIED:
            message = f"AWS refused to {to}: these credentials may not ({_operation(error)})"
        else:
            message = f"AWS refused to {to}: {_REMEDIES.get(code, text)}"
        raise AwsError(message, code) from None
    except (BotoCoreError, ValueError) as error:
        raise AwsError(f"cannot {to}: {_reason(error)}") from None


def _operation(error: ClientError) -> str:
    return f"the action {error.operation_name} is missing in their policy"


def _reason(error: Exception) -> str:
    if isinstance(error, ProfileNotFound):
        return f"{error}: `aws configure list-profiles` lists them"
    if isinstance(error, _NO_CREDENTIALS):
        return f"there are no AWS credentials that work: {_LOGIN}"
    if isinstance(error, NoRegionError):
        return "no region is set: give --region"
    if isinstance(error, NoConnection):
        return f"nobody answers ({error})"
    return str(error)
