"""Deploys a template on this machine: its functions, their environment and their tables."""

import os
import random
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from aiflow.aws_clients import FAULTS
from aiflow.entrypoints.authorizer import Authorizer
from aiflow.entrypoints.connection import Connection
from aiflow.entrypoints.event import Entrypoint
from aiflow.errors import SettingsError
from aiflow.pipeline.runtime import Dependencies, Runtime
from aiflow.pipeline.time_limits import run_if_slow
from aiflow.sessions.dynamodb import DynamoDbSessionStore
from aiflow.sessions.store import SessionStore
from aiflow.settings import Settings
from aiflow.telemetry import EventReport, Telemetry
from aiflow_local.emulator.connections import OpenConnections
from aiflow_local.emulator.deadline import enforce_deadline
from aiflow_local.emulator.dynamodb import SerializedSessionStore, create_tables
from aiflow_local.emulator.http_routing import RouteTable
from aiflow_local.emulator.lambda_function import Function
from aiflow_local.emulator.module_loader import Handler, ModuleLoader, code_folders
from aiflow_local.errors import TemplateError
from aiflow_local.stack.project import TEMPLATE
from aiflow_local.stack.template import FunctionSpec, Route, Stack, Template
from aiflow_local.stack.websocket_api import Identity

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

# The endpoint of `@connections`: botocore reads this variable, and a function may, too.
_CONNECTIONS_URL = "AWS_ENDPOINT_URL_APIGATEWAYMANAGEMENTAPI"


class ReportBuffer(Telemetry):
    """Telemetry that logs nothing and keeps each report until the gateway takes it."""

    def __init__(self) -> None:
        self._reports: dict[str, EventReport] = {}

    def write(self, report: EventReport, duration_ms: float) -> None:
        """Keep a report."""
        del duration_ms
        self._reports[report.request_id] = report

    def take(self, request_id: str) -> EventReport | None:
        """Remove the report of an invocation and return it."""
        return self._reports.pop(request_id, None)


@dataclass(frozen=True)
class Platform:
    """The services that all deployments of a project share.

    Attributes:
        client: the client of the embedded DynamoDB.
        complain: receives the traceback of each error of a handler.
        address: the URL of the gateway, without a path.
        now: the clock of the functions, in Unix seconds.
        connections: the open WebSockets.
        reports: the reports of the invocations.
        modules: imports the handlers.
        lock: serialises requests to the embedded DynamoDB.
    """

    client: "DynamoDBClient"
    complain: Callable[[str], None]
    address: str
    now: Callable[[], float] = time.time
    connections: OpenConnections = field(default_factory=OpenConnections)
    reports: ReportBuffer = field(default_factory=ReportBuffer)
    modules: ModuleLoader = field(default_factory=ModuleLoader)
    lock: Lock = field(default_factory=Lock)

    def deploy(self, project: Path, parameters: Mapping[str, str]) -> "Deployment":
        """Read the template and load the functions; running invocations keep their code.

        Raises:
            TemplateError: the template or a parameter is not valid.
            CodeError: a function cannot be loaded.
        """
        stack = Template(project / TEMPLATE).stack(parameters)
        create_tables(self.client, stack.tables)
        self._set_environment(stack)
        handlers = self.modules.load(project, stack.functions)
        functions = {
            spec.name: Function(spec, self._bind(spec, handlers[spec.name]))
            for spec in stack.functions
        }
        return Deployment(
            routes=RouteTable(
                (route, function)
                for function in functions.values()
                for route in function.spec.routes
            ),
            websocket=_websocket(stack, functions),
            http_routes=tuple(route for spec in stack.functions for route in spec.routes),
            code_folders=tuple(code_folders(project, stack.functions)),
            sessions=self._sessions(os.environ.get("SESSIONS_TABLE", "")),
        )

    def _set_environment(self, stack: Stack) -> None:
        """Set the variables of all functions, for code that reads the environment itself."""
        for spec in stack.functions:
            os.environ.update(spec.environment)
        if stack.websocket:
            # moto intercepts requests to AWS hosts; a request to this address reaches the gateway.
            os.environ[_CONNECTIONS_URL] = f"{self.address}/{stack.websocket.stage}"

    def _bind(self, spec: FunctionSpec, handler: Handler) -> Handler:
        """Bind an entrypoint of the layer to this platform; return other handlers unchanged."""
        if not isinstance(handler, Entrypoint | Authorizer | Connection):
            return handler
        try:
            settings = Settings.from_environment(spec.environment)
        except SettingsError as error:
            raise TemplateError(f"{spec.name}: {error}") from None
        if not isinstance(handler, Entrypoint):
            return handler.bind(
                Dependencies(settings=settings, telemetry=self.reports, now=self.now)
            )
        runtime = Runtime(
            settings=settings,
            sessions=self._sessions(settings.sessions_table),
            connections=self.connections,
            telemetry=self.reports,
            now=self.now,
            pause=time.sleep,
            chance=random.random,
            time_limit=self._time_limit,
            run_if_slow=run_if_slow,
        )
        return handler.bind(runtime)

    def _sessions(self, table: str) -> SessionStore:
        return SerializedSessionStore(
            DynamoDbSessionStore(self.client, table, self.now, FAULTS), self.lock
        )

    def _time_limit(self, seconds: float) -> AbstractContextManager[None]:
        return enforce_deadline(seconds, self.complain)


@dataclass(frozen=True, kw_only=True)
class WebSocketApi:
    """The WebSocket API of a deployment.

    Attributes:
        stage: the name of its stage.
        selection: the path of the member of a message that holds its route key.
        routes: the functions by their route keys.
        authorizer: the required identity sources and the function; None without an authorizer.
    """

    stage: str
    selection: Sequence[str]
    routes: Mapping[str, Function]
    authorizer: tuple[Sequence[Identity], Function] | None


@dataclass(frozen=True)
class Deployment:
    """The functions of a project and the APIs that lead to them.

    Attributes:
        routes: finds the function of an HTTP request.
        websocket: the WebSocket API; None if the stack has none.
        http_routes: the routes of the HTTP API, in the order of the template.
        code_folders: the folders of the functions' code.
        sessions: the store of the calls.
    """

    routes: RouteTable[Function]
    websocket: WebSocketApi | None
    http_routes: tuple[Route, ...]
    code_folders: tuple[Path, ...]
    sessions: SessionStore


def _websocket(stack: Stack, functions: Mapping[str, Function]) -> WebSocketApi | None:
    spec = stack.websocket
    if spec is None:
        return None
    authorizer = spec.authorizer
    return WebSocketApi(
        stage=spec.stage,
        selection=spec.selection,
        routes={key: functions[name] for key, name in spec.routes.items()},
        authorizer=(
            (authorizer.identities, functions[authorizer.function]) if authorizer else None
        ),
    )
