"""The composition root: builds the dependencies of a function, once per process."""

import random
import time
from collections.abc import Callable
from functools import cache

from aiflow.gc_freeze import gc_frozen
from aiflow.pipeline.runtime import Dependencies, Runtime
from aiflow.pipeline.time_limits import run_if_slow, sigalrm_timeout
from aiflow.sessions.dynamodb import DynamoDbSessionStore
from aiflow.settings import Settings, on_lambda
from aiflow.telemetry import Telemetry
from aiflow.transports.connection_sender import (
    ApiGatewayConnectionSender,
    ConnectionSender,
    UnavailableConnectionSender,
)


def eager_on_lambda[T](make: Callable[[], T]) -> Callable[[], T]:
    """Return a cached factory; on Lambda, call it before returning it.

    Start-up on Lambda has a full CPU and no caller who waits. A function that cannot be built
    does not start.

    Raises:
        SettingsError: what `make` raises.
    """
    if on_lambda():
        with gc_frozen():
            make()
    return make


@cache
def default_dependencies() -> Dependencies:
    """Return the dependencies of a function without state: no AWS client.

    Raises:
        SettingsError: the environment is not complete.
    """
    settings = Settings.from_environment()
    return Dependencies(
        settings=settings,
        telemetry=Telemetry(settings.service_name, settings.metrics_namespace, settings.log_level),
        now=time.time,
    )


@cache
def default_session_store() -> DynamoDbSessionStore:
    """Return the session store of this process.

    Raises:
        SettingsError: see `default_dependencies`.
    """
    # Functions without state must not pay for loading botocore.
    from aiflow.aws_clients import FAULTS, dynamodb_client  # noqa: PLC0415 - see above

    base = default_dependencies()
    return DynamoDbSessionStore(dynamodb_client(), base.settings.sessions_table, base.now, FAULTS)


@cache
def default_runtime() -> Runtime:
    """Return the runtime of this process.

    Raises:
        SettingsError: see `default_dependencies`.
    """
    base = default_dependencies()
    return Runtime(
        settings=base.settings,
        telemetry=base.telemetry,
        now=base.now,
        sessions=default_session_store(),
        connections=_connection_sender(base.settings),
        pause=time.sleep,
        # From the operating system: a SnapStart snapshot would repeat its random numbers.
        chance=random.SystemRandom().random,
        time_limit=sigalrm_timeout,
        store_limit=sigalrm_timeout,
        run_if_slow=run_if_slow,
    )


def _connection_sender(settings: Settings) -> ConnectionSender:
    if settings.websocket_endpoint is None:
        return UnavailableConnectionSender()
    from aiflow.aws_clients import FAULTS, connections_client  # noqa: PLC0415 - see above

    return ApiGatewayConnectionSender(connections_client(), FAULTS)
