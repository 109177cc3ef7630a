"""The composition root: where the real clock, the real chance and the real table come together."""

import random
import time
from functools import cache

from aiflow.runtime.clients import FAULTS, dynamodb_client
from aiflow.runtime.conversation import Runtime
from aiflow.runtime.deadline import alarm
from aiflow.runtime.observability import Telemetry
from aiflow.runtime.settings import Settings
from aiflow.sessions.dynamodb import DynamoDbSessions


@cache
def default_runtime() -> Runtime:
    """Return the runtime of this process, made on first use.

    Raises:
        SettingsError: the environment is not complete: who cannot check a token does not start.
    """
    settings = Settings.from_environment()
    return Runtime(
        settings=settings,
        sessions=DynamoDbSessions(dynamodb_client(), settings.sessions_table, time.time, FAULTS),
        telemetry=Telemetry(settings.service_name, settings.metrics_namespace, settings.log_level),
        now=time.time,
        pause=time.sleep,
        chance=random.random,
        time_limit=alarm,
    )
