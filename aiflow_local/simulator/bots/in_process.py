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
from aiflow_local.emulator.deadline import enforce_deadline
from aiflow_local.emulator.http_event import HttpRequest, HttpRequestContext, http_event
from aiflow_local.emulator.module_loader import Code
from aiflow_local.errors import TemplateError
from aiflow_local.simulator.engine.bot_port import Answered, OnRequest
from aiflow_local.simulator.engine.call import EPOCH_MS
from aiflow_local.simulator.engine.clock import Clock
from aiflow_local.stack.cli_options import stack_parameters
from aiflow_local.stack.project import TEMPLATE
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


class Line(OnRequest):
    """A door to the agent for one call: the envelope of the gateway, and no socket.

    Args:
        agent: which agent.
        clock: of the call; the agent tells the time by it.
    """

    def __init__(self, agent: "Agent", clock: Clock) -> None:
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
                time_limit=lambda seconds: enforce_deadline(seconds, agent.complain),
            )
        )

    def send(self, event: JsonObject) -> Answered:
        """Hand an event to the front door, as API Gateway does."""
        begun = time.monotonic()
        request_id = str(uuid4())
        context = _Context(request_id, begun + self._agent.front_door.timeout_seconds)
        answer = self._handler(self._agent.envelope(event, request_id, self._now()), context)
        ms = (time.monotonic() - begun) * 1000
        return Answered(answer["statusCode"], answer.get("headers", {}), answer.get("body", ""), ms)

    def item(self, session_id: str) -> SessionRecord | None:
        """Return what is kept of a call."""
        return self._sessions.load(session_id)

    def state(self, session_id: str) -> dict[str, Any]:
        """Return `call.state`."""
        item = self.item(session_id)
        return item.state if item else {}


@dataclass(frozen=True)
class Agent:
    """The agent of a project, loaded.

    Attributes:
        front_door: what the template says of the function that AI Flow's one URL leads to.
        handler: its code.
        settings: its settings.
        token: what AI Flow would send.
        complain: told of each error of a handler, as Python would print it.
    """

    front_door: FunctionSpec
    handler: Entrypoint
    settings: Settings
    token: Token
    complain: Callable[[str], None]

    def line(self, clock: Clock) -> Line:
        """Return a door for one call; calls share nothing."""
        return Line(self, clock)

    def envelope(self, event: JsonObject, request_id: str, now: float) -> Mapping[str, Any]:
        """Return an event as an HTTP API hands it to the front door."""
        route = self.front_door.routes[0]
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
    project: Path, parameters: Sequence[str], complain: Callable[[str], None]
) -> Generator[Agent]:
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
    front_door = next((spec for spec in functions if spec.routes), None)
    if front_door is None:
        raise TemplateError(f"{TEMPLATE} has no function with a route: nothing can be called")
    code = Code()
    try:
        handler = code.load(project, [front_door])[front_door.name]
        if not isinstance(handler, Entrypoint):
            message = f"{front_door.name} is not made by `entrypoint`: play it with --url"
            raise TemplateError(message)
        yield Agent(front_door, handler, _settings(front_door), token, complain)
    finally:
        code.close()


def _settings(spec: FunctionSpec) -> Settings:
    try:
        return Settings.from_environment(spec.environment)
    except SettingsError as error:
        raise TemplateError(f"{spec.name}: {error}") from None
