"""What is deployed: the functions of the template, each with its environment and its table."""

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
from aiflow.pipeline.meanwhile import run_if_slow
from aiflow.pipeline.runtime import Dependencies, Runtime
from aiflow.sessions.dynamodb import DynamoDbSessionStore
from aiflow.sessions.store import SessionStore
from aiflow.settings import Settings
from aiflow.telemetry import EventReport, Telemetry
from aiflow_local.emulator.connections import OpenConnections
from aiflow_local.emulator.deadline import enforce_deadline
from aiflow_local.emulator.dynamodb import SerializedSessionStore, create_tables
from aiflow_local.emulator.http_routing import RouteTable
from aiflow_local.emulator.lambda_function import Function
from aiflow_local.emulator.module_loader import Code, Handler, folders
from aiflow_local.errors import TemplateError
from aiflow_local.stack.project import TEMPLATE
from aiflow_local.stack.template import FunctionSpec, Route, Stack, Template
from aiflow_local.stack.websocket_api import Identity

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

# Where a client of `@connections` goes: botocore reads it, and so may the functions.
_CONNECTIONS_URL = "AWS_ENDPOINT_URL_APIGATEWAYMANAGEMENTAPI"


class Reports(Telemetry):
    """Keeps the report of each invocation until the gateway takes it, instead of logging it."""

    def __init__(self) -> None:
        self._reports: dict[str, EventReport] = {}

    def write(self, report: EventReport, duration_ms: float) -> None:
        """Keep a report."""
        del duration_ms
        self._reports[report.request_id] = report

    def take(self, request_id: str) -> EventReport | None:
        """Return the report of an invocation, and forget it."""
        return self._reports.pop(request_id, None)


@dataclass(frozen=True)
class Platform:
    """What outlives a deployment.

    Attributes:
        client: of the embedded DynamoDB.
        complain: told of every error of a handler, as Python would print it.
        address: the URL that the gateway is served at, without a path.
        now: what the functions are told of the time, in Unix seconds.
        connections: the WebSockets that are open.
        reports: how invocations went.
        code: the modules of the functions.
        lock: on the embedded DynamoDB.
    """

    client: "DynamoDBClient"
    complain: Callable[[str], None]
    address: str
    now: Callable[[], float] = time.time
    connections: OpenConnections = field(default_factory=OpenConnections)
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
        self._set_environment(stack)
        handlers = self.code.load(project, stack.functions)
        functions = {
            spec.name: Function(spec, self._bound(spec, handlers[spec.name]))
            for spec in stack.functions
        }
        return Deployment(
            routes=RouteTable(
                (route, function)
                for function in functions.values()
                for route in function.spec.routes
            ),
            websocket=_websocket(stack, functions),
            doors=tuple(route for spec in stack.functions for route in spec.routes),
            folders=tuple(folders(project, stack.functions)),
            sessions=self._sessions(os.environ.get("SESSIONS_TABLE", "")),
        )

    def _set_environment(self, stack: Stack) -> None:
        """Set the environment for functions that read it themselves, on import or later."""
        for spec in stack.functions:
            os.environ.update(spec.environment)
        if stack.websocket:
            # Not of AWS: so moto, which stands in for all of AWS here, lets it through to us.
            os.environ[_CONNECTIONS_URL] = f"{self.address}/{stack.websocket.stage}"

    def _bound(self, spec: FunctionSpec, handler: Handler) -> Handler:
        if not isinstance(handler, Entrypoint | Authorizer | Connection):
            return handler
        try:
            settings = Settings.from_environment(spec.environment)
        except SettingsError as error:
            raise TemplateError(f"{spec.name}: {error}") from None
        if not isinstance(handler, Entrypoint):
            around = Dependencies(settings=settings, telemetry=self.reports, now=self.now)
            return handler.bind(around)
        runtime = Runtime(
            settings=settings,
            sessions=self._sessions(settings.sessions_table),
            connections=self.connections,
            telemetry=self.reports,
            now=self.now,
            pause=time.sleep,
            chance=random.random,
            time_limit=self._time_limit,
            meanwhile=run_if_slow,
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
    """The WebSocket API as it is now.

    Attributes:
        stage: the name of its stage.
        selection: the members of a message that lead to the key of its route.
        routes: the functions by their route keys.
        authorizer: what it must see, and the function; None when everybody may connect.
    """

    stage: str
    selection: Sequence[str]
    routes: Mapping[str, Function]
    authorizer: tuple[Sequence[Identity], Function] | None


@dataclass(frozen=True)
class Deployment:
    """The functions as they are now.

    Attributes:
        routes: the way to them over HTTP.
        websocket: the way to them over a WebSocket, if there is one.
        doors: all routes, in the order of the template.
        folders: where their code is.
        sessions: the state of the calls.
    """

    routes: RouteTable[Function]
    websocket: WebSocketApi | None
    doors: tuple[Route, ...]
    folders: tuple[Path, ...]
    sessions: SessionStore


def _websocket(stack: Stack, functions: Mapping[str, Function]) -> WebSocketApi | None:
    spec = stack.websocket
    if spec is None:
        return None
    asked = spec.authorizer
    return WebSocketApi(
        stage=spec.stage,
        selection=spec.selection,
        routes={key: functions[name] for key, name in spec.routes.items()},
        authorizer=(asked.identities, functions[asked.function]) if asked else None,
    )
