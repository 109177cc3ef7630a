"""Sending over a WebSocket: the port, and its adapter to API Gateway (PostToConnection)."""

from http import HTTPStatus
from typing import TYPE_CHECKING, Protocol

from aiflow.errors import ConnectionGone, ConnectionUnavailable

if TYPE_CHECKING:
    from mypy_boto3_apigatewaymanagementapi import ApiGatewayManagementApiClient

MAX_MESSAGE_BYTES = 128 * 1024
"""The largest message of API Gateway over a WebSocket: about 3 s of sound."""


class ConnectionSender(Protocol):
    """Sends messages over WebSocket connections."""

    def send(self, connection_id: str, message: str) -> None:
        """Send a text message.

        Raises:
            ConnectionGone: the connection is closed.
            ConnectionUnavailable: the message was not sent, or it is unknown whether it was.
        """
        ...


class ApiGatewayConnectionSender:
    """A `ConnectionSender` for a WebSocket API of API Gateway.

    Args:
        client: with short timeouts.
        faults: what the client raises on failure; passed in, since only `aws_clients` imports
            botocore.
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
                raise ConnectionGone("the connection is closed") from None
            name = type(error).__name__
            raise ConnectionUnavailable(f"the message was not sent: {name}") from error


def _status(error: Exception) -> object:
    """Return the HTTP status of the response that caused an error; None without a response."""
    response: dict[str, dict[str, object]] = getattr(error, "response", {})
    return response.get("ResponseMetadata", {}).get("HTTPStatusCode")


class UnavailableConnectionSender:
    """The `ConnectionSender` of a function that serves no WebSocket."""

    def send(self, connection_id: str, message: str) -> None:
        """Fail, see `ConnectionSender.send`."""
        del connection_id, message
        raise ConnectionUnavailable("this function has no AWS_ENDPOINT_URL_APIGATEWAYMANAGEMENTAPI")
