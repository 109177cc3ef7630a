"""The composition root: where the real clock, the real chance and the real AWS come together."""

import random
import time
from functools import cache

from aiflow.runtime.connections import ApiGatewayConnections, Connections, NoConnections
from aiflow.runtime.conversation import Runtime
from aiflow.runtime.deadline import alarm
from aiflow.runtime.observability import Telemetry
from aiflow.runtime.settings import Settings
from aiflow.runtime.surroundings import Surroundings
from aiflow.sessions.dynamodb import DynamoDbSessions


@cache
def default_surroundings() -> Surroundings:
    """Return what a function of this process needs that keeps nothing: no AWS client.

    Raises:
        SettingsError: the environment is not complete: who cannot check a token does not start.
    """
    settings = Settings.from_environment()
    return Surroundings(
        settings=settings,
        telemetry=Telemetry(settings.service_name, settings.metrics_namespace, settings.log_level),
        now=time.time,
    )


@cache
def default_runtime() -> Runtime:
    """Return the runtime of this process, made on first use.

    Raises:
        SettingsError: see `default_surroundings`.
    """
    # Whoever needs no client does not pay for loading botocore.
    from aiflow.runtime.clients import FAULTS, dynamodb_client  # noqa: PLC0415 - see above

    around = default_surroundings()
    settings, now = around.settings, around.now
    return Runtime(
        settings=settings,
        telemetry=around.telemetry,
        now=now,
        sessions=DynamoDbSessions(dynamodb_client(), settings.sessions_table, now, FAULTS),
        connections=_connections(settings),
        pause=time.sleep,
        chance=random.random,
        time_limit=alarm,
    )


def _connections(settings: Settings) -> Connections:
    if settings.websocket_endpoint is None:
        return NoConnections()
    from aiflow.runtime.clients import FAULTS, connections_client  # noqa: PLC0415 - likewise

    return ApiGatewayConnections(connections_client(), FAULTS)
