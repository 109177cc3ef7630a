"""What is deployed: the functions of the template, each with its environment and its table."""

import os
import random
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from aiflow.errors import SettingsError
from aiflow.runtime.clients import FAULTS
from aiflow.runtime.connections import NoConnections
from aiflow.runtime.entrypoint import Entrypoint
from aiflow.runtime.observability import Report, Telemetry
from aiflow.runtime.settings import Settings
from aiflow.runtime.surroundings import Runtime
from aiflow.sessions.dynamodb import DynamoDbSessions
from aiflow.sessions.store import SessionStore
from local.errors import TemplateError
from local.gateway.code import Code, Handler, folders
from local.gateway.deadline import late_is_too_late
from local.gateway.function import Function
from local.gateway.routes import RouteTable
from local.gateway.table import OneAtATime, create_tables
from local.project import TEMPLATE
from local.template import FunctionSpec, Route, Template

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


class Reports(Telemetry):
    """Keeps the report of each invocation until the gateway takes it, instead of logging it."""

    def __init__(self) -> None:
        self._reports: dict[str, Report] = {}

    def write(self, report: Report, duration_ms: float) -> None:
        """Keep a report."""
        del duration_ms
        self._reports[report.request_id] = report

    def take(self, request_id: str) -> Report | None:
        """Return the report of an invocation, and forget it."""
        return self._reports.pop(request_id, None)


@dataclass(frozen=True)
class Platform:
    """What outlives a deployment.

    Attributes:
        client: of the embedded DynamoDB.
        complain: told of every error of a handler, as Python would print it.
        now: what the functions are told of the time, in Unix seconds.
        reports: how invocations went.
        code: the modules of the functions.
        lock: on the embedded DynamoDB.
    """

    client: "DynamoDBClient"
    complain: Callable[[str], None]
    now: Callable[[], float] = time.time
    reports: Reports = field(default_factory=Reports)
    code: Code = field(default_factory=Code)
    lock: Lock = field(default_factory=Lock)

    def deploy(self, project: Path, parameters: Mapping[str, str]) -> "Deployment":
        """Read the template and load the functions; what is running goes on as it was.

        Raises:
            TemplateError: the template or a parameter is not as it must be.
            CodeError: a function cannot be loaded.
        """
        stack = Template(project / TEMPLATE).stack(parameters)
        create_tables(self.client, stack.tables)
        for spec in stack.functions:
            # For functions that read it themselves, on import or later.
            os.environ.update(spec.environment)
        handlers = self.code.load(project, stack.functions)
        functions = [
            Function(spec, self._bound(spec, handlers[spec.name])) for spec in stack.functions
        ]
        return Deployment(
            routes=RouteTable(
                (route, function) for function in functions for route in function.spec.routes
            ),
            doors=tuple(route for spec in stack.functions for route in spec.routes),
            folders=tuple(folders(project, stack.functions)),
            sessions=self._sessions(os.environ.get("SESSIONS_TABLE", "")),
        )

    def _bound(self, spec: FunctionSpec, handler: Handler) -> Handler:
        if not isinstance(handler, Entrypoint):
            return handler
        try:
            settings = Settings.from_environment(spec.environment)
        except SettingsError as error:
            raise TemplateError(f"{spec.name}: {error}") from None
        runtime = Runtime(
            settings=settings,
            sessions=self._sessions(settings.sessions_table),
            connections=NoConnections(),
            telemetry=self.reports,
            now=self.now,
            pause=time.sleep,
            chance=random.random,
            time_limit=self._time_limit,
        )
        return handler.bind(runtime)

    def _sessions(self, table: str) -> SessionStore:
        return OneAtATime(DynamoDbSessions(self.client, table, self.now, FAULTS), self.lock)

    def _time_limit(self, seconds: float) -> AbstractContextManager[None]:
        return late_is_too_late(seconds, self.complain)


@dataclass(frozen=True)
class Deployment:
    """The functions as they are now.

    Attributes:
        routes: the way to them.
        doors: all routes, in the order of the template.
        folders: where their code is.
        sessions: the state of the calls.
    """

    routes: RouteTable[Function]
    doors: tuple[Route, ...]
    folders: tuple[Path, ...]
    sessions: SessionStore
