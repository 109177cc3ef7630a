"""The composition root: where the real clock, the real chance and the real AWS come together."""

import random
import time
from collections.abc import Callable
from functools import cache

from aiflow.pipeline.meanwhile import run_if_slow
from aiflow.pipeline.runtime import Dependencies, Runtime
from aiflow.pipeline.time_limits import sigalrm_timeout
from aiflow.sessions.dynamodb import DynamoDbSessionStore
from aiflow.settings import Settings, on_lambda
from aiflow.starting import gc_frozen
from aiflow.telemetry import Telemetry
from aiflow.transports.connections import (
    ApiGatewayConnectionSender,
    ConnectionSender,
    UnavailableConnectionSender,
)


@cache
def default_dependencies() -> Dependencies:
    """Return what a function of this process needs that keeps nothing: no AWS client.

    Raises:
        SettingsError: the environment is not complete: who cannot check a token does not start.
    """
    settings = Settings.from_environment()
    return Dependencies(
        settings=settings,
        telemetry=Telemetry(settings.service_name, settings.metrics_namespace, settings.log_level),
        now=time.time,
    )


@cache
def default_session_store() -> DynamoDbSessionStore:
    """Return the sessions of this process, made on first use.

    Raises:
        SettingsError: see `default_dependencies`.
    """
    # Whoever needs no client does not pay for loading botocore.
    from aiflow.aws_clients import FAULTS, dynamodb_client  # noqa: PLC0415 - see above

    around = default_dependencies()
    return DynamoDbSessionStore(
        dynamodb_client(), around.settings.sessions_table, around.now, FAULTS
    )


@cache
def default_runtime() -> Runtime:
    """Return the runtime of this process, made on first use.

    Raises:
        SettingsError: see `default_dependencies`.
    """
    around = default_dependencies()
    return Runtime(
        settings=around.settings,
        telemetry=around.telemetry,
        now=around.now,
        sessions=default_session_store(),
        connections=_connections(around.settings),
        pause=time.sleep,
        # Of the operating system: a snapshot of the process would repeat its own.
        chance=random.SystemRandom().random,
        time_limit=sigalrm_timeout,
        store_limit=sigalrm_timeout,
        meanwhile=run_if_slow,
    )


def eager_on_lambda[T](make: Callable[[], T]) -> Callable[[], T]:
    """Return `make`, which keeps what it makes; on Lambda, after it has made it.

    There, start-up has a full CPU and no caller who waits: get ready, or refuse to start.

    Raises:
        SettingsError: what `make` raises.
    """
    if on_lambda():
        with gc_frozen():
            make()
    return make


def _connections(settings: Settings) -> ConnectionSender:
    if settings.websocket_endpoint is None:
        return UnavailableConnectionSender()
    from aiflow.aws_clients import FAULTS, connections_client  # noqa: PLC0415 - likewise

    return ApiGatewayConnectionSender(connections_client(), FAULTS)
