"""The agent of this project in this process: the real handlers, on the clock of the call."""

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
from aiflow.transports.connections import UnavailableConnectionSender
from aiflow_local.emulator.deadline import late_is_too_late
from aiflow_local.emulator.http_event import Arrival, HttpRequest, http_event
from aiflow_local.emulator.module_loader import Code
from aiflow_local.errors import TemplateError
from aiflow_local.simulator.engine.bot_connection import HttpResponse, RequestResponseConnection
from aiflow_local.simulator.engine.call import EPOCH_MS
from aiflow_local.simulator.engine.clock import Clock
from aiflow_local.stack.cli_options import stack_parameters, with_colleague
from aiflow_local.stack.project import TEMPLATE, find_project
from aiflow_local.stack.template import FunctionSpec, Template
from aiflow_local.tokens import Token, new_token


class _Unseen(Telemetry):
    """Keeps nothing: a phone shows what happens by itself."""

    def __init__(self) -> None:
        """Need no names."""

    def write(self, report: EventReport, duration_ms: float) -> None:
        """Let it go."""


@dataclass(frozen=True)
class _Context:
    aws_request_id: str
    deadline: float

    def get_remaining_time_in_millis(self) -> int:
        return int((self.deadline - time.monotonic()) * 1000)


class InProcessConnection(RequestResponseConnection):
    """A door to the agent for one call: the envelope of the gateway, and no socket.

    Args:
        agent: which agent.
        clock: of the call; the agent tells the time by it.
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
                telemetry=_Unseen(),
                now=now,
                pause=lambda _: None,
                chance=lambda: 0.5,
                time_limit=lambda seconds: late_is_too_late(seconds, agent.report_error),
            )
        )

    def send(self, event: JsonObject) -> HttpResponse:
        """Hand an event to the front door, as API Gateway does."""
        begun = time.monotonic()
        request_id = str(uuid4())
        context = _Context(request_id, begun + self._agent.webhook_function.timeout_seconds)
        answer = self._handler(self._agent.envelope(event, request_id, self._now()), context)
        ms = (time.monotonic() - begun) * 1000
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
    """The agent of a project, loaded.

    Attributes:
        front_door: what the template says of the function that AI Flow's one URL leads to.
        handler: its code.
        settings: its settings.
        token: what AI Flow would send.
        complain: told of each error of a handler, as Python would print it.
    """

    webhook_function: FunctionSpec
    handler: Entrypoint
    settings: Settings
    token: Token
    report_error: Callable[[str], None]

    def connect(self, clock: Clock) -> InProcessConnection:
        """Return a door for one call; calls share nothing."""
        return InProcessConnection(self, clock)

    def envelope(self, event: JsonObject, request_id: str, now: float) -> Mapping[str, Any]:
        """Return an event as an HTTP API hands it to the front door."""
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
        arrival = Arrival(
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
    """Load the agent of a project, for as long as the block takes.

    Args:
        project: the folder of its template.
        parameters: of the template, as `NAME=VALUE`.
        complain: told of each error of a handler.

    Raises:
        TemplateError: the template is not as it must be, or has no front door of ours.
        CodeError: a handler cannot be loaded.
    """
    token = new_token()
    values = stack_parameters(project, token, parameters)
    functions = Template(project / TEMPLATE).stack(values).functions
    webhook_function = next((spec for spec in functions if spec.routes), None)
    if webhook_function is None:
        raise TemplateError(f"{TEMPLATE} has no function with a route: nothing can be called")
    code = Code()
    try:
        handler = code.load(project, [webhook_function])[webhook_function.name]
        if not isinstance(handler, Entrypoint):
            message = f"{webhook_function.name} is not made by `entrypoint`: play it with --url"
            raise TemplateError(message)
        yield ProjectAgent(
            webhook_function, handler, _settings(webhook_function), token, report_error
        )
    finally:
        code.close()


@contextmanager
def load_project_agent(
    parameters: Sequence[str], report_error: Callable[[str], None]
) -> Generator[ProjectAgent]:
    """Load the agent of this project, with a number for transfers, while the block runs.

    Args:
        parameters: of the template, as `NAME=VALUE`.
        complain: called with each error of a handler.

    Raises:
        LocalError: the project cannot be loaded.
    """
    project = find_project()
    with load_agent(project, with_colleague(project, parameters), report_error) as agent:
        yield agent


def _settings(spec: FunctionSpec) -> Settings:
    try:
        return Settings.from_environment(spec.environment)
    except SettingsError as error:
        raise TemplateError(f"{spec.name}: {error}") from None
