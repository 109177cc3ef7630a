"""The way back to a WebSocket: the port, and what stands behind it on AWS."""

from http import HTTPStatus
from typing import TYPE_CHECKING, Protocol

from aiflow.errors import ConnectionGone, ConnectionUnavailable

if TYPE_CHECKING:
    from mypy_boto3_apigatewaymanagementapi import ApiGatewayManagementApiClient

MAX_MESSAGE_BYTES = 128 * 1024
"""What API Gateway carries over a WebSocket in one message: about 3 s of sound."""


class ConnectionSender(Protocol):
    """Sends messages to those who are connected."""

    def send(self, connection_id: str, message: str) -> None:
        """Send a message, as text.

        Raises:
            ConnectionGone: nobody is connected by this id any more.
            ConnectionUnavailable: it did not go out, or nobody knows.
        """
        ...


class ApiGatewayConnectionSender:
    """`ConnectionSender` of an API of API Gateway.

    Args:
        client: with short time limits.
        faults: what the client raises when a message did not go out. They come from outside, since
            only one room imports botocore.
    """

    def __init__(
        self, client: "ApiGatewayManagementApiClient", faults: tuple[type[Exception], ...]
    ) -> None:
        self._client = client
        self._faults = faults

    def send(self, connection_id: str, message: str) -> None:
        """See `ConnectionSender.send`."""
        try:
            self._client.post_to_connection(ConnectionId=connection_id, Data=message.encode())
        except self._faults as error:
            if _status(error) == HTTPStatus.GONE:
                raise ConnectionGone("nobody is connected any more") from None
            name = type(error).__name__
            raise ConnectionUnavailable(f"the message did not go out: {name}") from error


def _status(error: Exception) -> object:
    """Return the HTTP status of the answer that made an error; None where there was no answer."""
    response: dict[str, dict[str, object]] = getattr(error, "response", {})
    return response.get("ResponseMetadata", {}).get("HTTPStatusCode")


class UnavailableConnectionSender:
    """`ConnectionSender` of a function that no WebSocket leads to."""

    def send(self, connection_id: str, message: str) -> None:
        """Fail: see `ConnectionSender.send`."""
        del connection_id, message
        raise ConnectionUnavailable("this function has no AWS_ENDPOINT_URL_APIGATEWAYMANAGEMENTAPI")
