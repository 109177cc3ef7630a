"""Runs the agent of this project in this process, on the clock of the call."""

import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from aiflow.entrypoints.event import Entrypoint
from aiflow.errors import SettingsError
from aiflow.pipeline.runtime import Runtime
from aiflow.protocol.json_codec import encode
from aiflow.protocol.types import JsonObject
from aiflow.sessions.memory import InMemorySessionStore
from aiflow.sessions.record import SessionRecord
from aiflow.settings import Settings
from aiflow.telemetry import EventReport, Telemetry
from aiflow.transports.connection_sender import UnavailableConnectionSender
from aiflow_local.emulator.deadline import enforce_deadline
from aiflow_local.emulator.http_event import HttpRequest, HttpRequestContext, http_event
from aiflow_local.emulator.module_loader import ModuleLoader
from aiflow_local.errors import TemplateError
from aiflow_local.simulator.engine.bot_connection import HttpResponse, RequestResponseConnection
from aiflow_local.simulator.engine.call import EPOCH_MS
from aiflow_local.simulator.engine.clock import Clock
from aiflow_local.stack.cli_options import stack_parameters, with_transfer_target
from aiflow_local.stack.project import TEMPLATE, find_project
from aiflow_local.stack.template import FunctionSpec, Template
from aiflow_local.tokens import Token, new_token


class _NoTelemetry(Telemetry):
    """Discards telemetry: the transcript shows what happens."""

    def __init__(self) -> None:
        """Skip the configuration of names."""

    def write(self, report: EventReport, duration_ms: float) -> None:
        """Discard the report."""


@dataclass(frozen=True)
class _Context:
    aws_request_id: str
    deadline: float

    def get_remaining_time_in_millis(self) -> int:
        return int((self.deadline - time.monotonic()) * 1000)


class InProcessConnection(RequestResponseConnection):
    """Connection to the agent for one call: API Gateway envelopes without a socket.

    Args:
        agent: the agent.
        clock: clock of the call, which also is the agent's clock.
    """

    def __init__(self, agent: "ProjectAgent", clock: Clock) -> None:
        def now() -> float:
            return (EPOCH_MS + clock.now_ms) / 1000

        self._agent = agent
        self._now = now
        self._sessions = InMemorySessionStore(now)
        self._handler = agent.handler.bind(
            Runtime(
                settings=agent.settings,
                sessions=self._sessions,
                connections=UnavailableConnectionSender(),
                telemetry=_NoTelemetry(),
                now=now,
                pause=lambda _: None,
                chance=lambda: 0.5,
                time_limit=lambda seconds: enforce_deadline(seconds, agent.report_error),
            )
        )

    def send(self, event: JsonObject) -> HttpResponse:
        """Invoke the webhook function with an event, as API Gateway does."""
        started = time.monotonic()
        request_id = str(uuid4())
        context = _Context(request_id, started + self._agent.webhook_function.timeout_seconds)
        answer = self._handler(self._agent.envelope(event, request_id, self._now()), context)
        ms = (time.monotonic() - started) * 1000
        return HttpResponse(
            answer["statusCode"], answer.get("headers", {}), answer.get("body", ""), ms
        )

    def read_record(self, session_id: str) -> SessionRecord | None:
        """Return the stored record of a session, None if there is none."""
        return self._sessions.load(session_id)

    def state(self, session_id: str) -> dict[str, Any]:
        """Return `call.state`."""
        item = self.read_record(session_id)
        return item.state if item else {}


@dataclass(frozen=True)
class ProjectAgent:
    """The loaded agent of a project.

    Attributes:
        webhook_function: specification of the function behind the webhook.
        handler: Lambda handler of that function.
        settings: settings of that function.
        token: API token that AI Flow would send.
        report_error: called with the traceback of each handler error.
    """

    webhook_function: FunctionSpec
    handler: Entrypoint
    settings: Settings
    token: Token
    report_error: Callable[[str], None]

    def connect(self, clock: Clock) -> InProcessConnection:
        """Return a connection for one call; calls share no state."""
        return InProcessConnection(self, clock)

    def envelope(self, event: JsonObject, request_id: str, now: float) -> Mapping[str, Any]:
        """Return an event as an HTTP API passes it to the webhook function."""
        route = self.webhook_function.routes[0]
        request = HttpRequest(
            method=route.method,
            path=route.path,
            headers=(
                ("content-type", "application/json"),
                (self.settings.token_header, self.token.secret),
            ),
            body=encode(event).encode(),
        )
        arrival = HttpRequestContext(
            route_key=f"{route.method} {route.path}",
            request_id=request_id,
            at=now,
            path_parameters={},
        )
        return http_event(request, arrival)


@contextmanager
def load_agent(
    project: Path, parameters: Sequence[str], report_error: Callable[[str], None]
) -> Generator[ProjectAgent]:
    """Load the agent of a project while the block runs.

    Args:
        project: folder of its template.
        parameters: template parameters, as `NAME=VALUE`.
        report_error: called with the traceback of each handler error.

    Raises:
        TemplateError: the template is not valid, or has no webhook function of this layer.
        CodeError: a handler cannot be loaded.
    """
    token = new_token()
    values = stack_parameters(project, token, parameters)
    functions = Template(project / TEMPLATE).stack(values).functions
    webhook_function = next((spec for spec in functions if spec.routes), None)
    if webhook_function is None:
        raise TemplateError(
            f"{TEMPLATE} has no function with a route: add an HTTP API event to a function"
        )
    modules = ModuleLoader()
    try:
        handler = modules.load(project, [webhook_function])[webhook_function.name]
        if not isinstance(handler, Entrypoint):
            name = webhook_function.name
            raise TemplateError(f"{name} is not made by `entrypoint`: call it with --url")
        yield ProjectAgent(
            webhook_function, handler, _settings(webhook_function), token, report_error
        )
    finally:
        modules.close()


@contextmanager
def load_project_agent(
    parameters: Sequence[str], report_error: Callable[[str], None]
) -> Generator[ProjectAgent]:
    """Load the agent of this project, with a number for transfers, while the block runs.

    Args:
        parameters: template parameters, as `NAME=VALUE`.
        report_error: called with the traceback of each handler error.

    Raises:
        LocalError: the project cannot be loaded.
    """
    project = find_project()
    with load_agent(project, with_transfer_target(project, parameters), report_error) as agent:
        yield agent


def _settings(spec: FunctionSpec) -> Settings:
    try:
        return Settings.from_environment(spec.environment)
    except SettingsError as error:
        raise TemplateError(f"{spec.name}: {error}") from None
