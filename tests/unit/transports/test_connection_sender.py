"""Sending to a WebSocket connection: API Gateway's own client against a local server."""

from collections.abc import Iterator
from typing import Any

import pytest

from aiflow.aws_clients import FAULTS, connections_client
from aiflow.bootstrap import default_dependencies, default_runtime
from aiflow.errors import ConnectionGone, ConnectionUnavailable
from aiflow.transports.connection_sender import (
    ApiGatewayConnectionSender,
    UnavailableConnectionSender,
)
from tests.helpers.management import ManagementServer, serve_management
from tests.helpers.runtime import TOKEN, digest_of
from tests.helpers.tables import ENVIRONMENT

ENDPOINT = "AWS_ENDPOINT_URL_APIGATEWAYMANAGEMENTAPI"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ManagementServer]:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    with serve_management() as server:
        monkeypatch.setenv(ENDPOINT, server.endpoint)
        yield server


@pytest.fixture
def connections(server: ManagementServer) -> ApiGatewayConnectionSender:
    return ApiGatewayConnectionSender(connections_client(), FAULTS)


def test_a_message_is_posted_to_its_connection_as_text(
    connections: ApiGatewayConnectionSender, server: ManagementServer
) -> None:
    connections.send("abc=", '{"type":"hangup"}')
    assert server.posted == [("/live/@connections/abc%3D", b'{"type":"hangup"}')]


def test_a_closed_connection_is_reported_without_a_retry(
    connections: ApiGatewayConnectionSender, server: ManagementServer
) -> None:
    server.statuses = [410]
    with pytest.raises(ConnectionGone):
        connections.send("abc", "{}")
    assert len(server.posted) == 1


def test_a_failed_request_is_retried_once(
    connections: ApiGatewayConnectionSender, server: ManagementServer
) -> None:
    server.statuses = [500]
    connections.send("abc", "{}")
    assert len(server.posted) == 2


@pytest.mark.parametrize("status", [500, 403, 413, 429])
def test_a_failed_message_raises_an_error_that_does_not_quote_it(
    connections: ApiGatewayConnectionSender, server: ManagementServer, status: int
) -> None:
    server.statuses = [status] * 2
    with pytest.raises(ConnectionUnavailable, match="was not sent: ") as caught:
        connections.send("abc", "a secret")
    assert "a secret" not in str(caught.value)


def test_the_client_timeouts_are_short(server: ManagementServer) -> None:
    del server
    config: Any = connections_client().meta.config
    assert (config.connect_timeout, config.read_timeout) == (0.3, 0.7)


@pytest.mark.parametrize(
    ("endpoint", "kind"), [("set", ApiGatewayConnectionSender), ("", UnavailableConnectionSender)]
)
def test_a_runtime_has_a_connection_sender_only_if_an_endpoint_is_set(
    server: ManagementServer, monkeypatch: pytest.MonkeyPatch, endpoint: str, kind: type
) -> None:
    del server
    if not endpoint:
        monkeypatch.setenv(ENDPOINT, "")
    monkeypatch.setenv("API_TOKEN_SHA256", digest_of(TOKEN))
    monkeypatch.setenv("SESSIONS_TABLE", "sessions")
    default_dependencies.cache_clear()
    default_runtime.cache_clear()
    assert isinstance(default_runtime().connections, kind)
    default_dependencies.cache_clear()
    default_runtime.cache_clear()


def test_without_an_endpoint_the_error_names_the_missing_variable() -> None:
    with pytest.raises(ConnectionUnavailable, match=ENDPOINT):
        UnavailableConnectionSender().send("abc", "{}")
