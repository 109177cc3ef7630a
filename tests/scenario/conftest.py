"""The gateway on a real socket, in front of this project or a copy of it."""

import json
import shutil
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from queue import Queue
from typing import Any, Protocol

import httpx
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from aiflow.protocol.types import JsonObject
from aiflow_local.emulator.access_log import AccessLogEntry, MessageLogEntry, RequestLogEntry
from aiflow_local.emulator.gateway import Gateway, ServeOptions, open_gateway
from aiflow_local.emulator.sample_events import sample_event
from aiflow_local.emulator.server import base_url, listen, serve_in_background
from aiflow_local.emulator.websocket import ConnectionLimits
from aiflow_local.tokens import Token
from tests.unit.local.cli.command import Run, runner

ROOT = Path(__file__).parents[2]
PATIENCE_SECONDS = 30
AS_ON_AWS = ConnectionLimits()
TOKEN = Token("a token made up for these tests")


@dataclass(frozen=True)
class WebSocket:
    """A connection to an agent."""

    socket: ClientConnection

    def send(self, event: JsonObject | str) -> None:
        self.socket.send(event if isinstance(event, str) else json.dumps(event))

    def receive(self) -> Any:  # noqa: ANN401 - JSON
        return json.loads(self.socket.recv(timeout=PATIENCE_SECONDS))

    def end(self) -> tuple[int, str]:
        """Wait until the other side has closed it; return the code and the reason."""
        with pytest.raises(ConnectionClosed) as closed:
            self.socket.recv(timeout=PATIENCE_SECONDS)
        assert closed.value.rcvd is not None
        return closed.value.rcvd.code, closed.value.rcvd.reason


@dataclass(frozen=True)
class Agent:
    """An agent that is being served, and what its gateway told."""

    url: str
    gateway: Gateway
    served: list[RequestLogEntry] = field(default_factory=list[RequestLogEntry])
    messages: Queue[MessageLogEntry] = field(default_factory=Queue[MessageLogEntry])
    complaints: list[str] = field(default_factory=list[str])

    def post(self, event: JsonObject, path: str = "/webhook") -> httpx.Response:
        return self.request("POST", path, json=event, headers={"x-api-token": TOKEN.secret})

    def request(
        self,
        method: str,
        path: str,
        *,
        json: JsonObject | None = None,
        content: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> httpx.Response:
        url = self.url + path
        with httpx.Client(trust_env=False, timeout=30) as client:
            return client.request(method, url, json=json, content=content, headers=headers)

    @contextmanager
    def connected(self, token: str | None = TOKEN.secret, path: str = "/") -> Generator[WebSocket]:
        """Connect as AI Flow does."""
        headers = {} if token is None else {"X-API-TOKEN": token}
        url = self.url.replace("http", "ws", 1) + path
        with connect(
            url, additional_headers=headers, proxy=None, compression=None, ping_interval=None
        ) as socket:
            yield WebSocket(socket)

    def told(self, route_key: str | None = None) -> MessageLogEntry:
        """Wait until the next message was served, or the next of a route."""
        while True:
            served = self.messages.get(timeout=PATIENCE_SECONDS)
            if route_key in {None, served.route_key}:
                return served


class Serve(Protocol):
    """Serves the project in a folder for as long as a block takes."""

    def __call__(
        self, project: Path, limits: ConnectionLimits = ..., **parameters: str
    ) -> AbstractContextManager[Agent]: ...


@contextmanager
def _serve(
    project: Path, limits: ConnectionLimits = AS_ON_AWS, **parameters: str
) -> Generator[Agent]:
    served: list[RequestLogEntry] = []
    messages: Queue[MessageLogEntry] = Queue()
    complaints: list[str] = []

    def told(what: AccessLogEntry) -> None:
        match what:
            case RequestLogEntry():
                served.append(what)
            case MessageLogEntry():
                messages.put(what)

    values = {"TokenSha256": TOKEN.digest, **parameters}
    with listen("127.0.0.1", 0) as listener:
        url = base_url(listener)
        terms = ServeOptions(address=url, limits=limits)
        with (
            open_gateway(project, values, told, complaints.append, terms) as gateway,
            serve_in_background(gateway, listener),
        ):
            yield Agent(url, gateway, served, messages, complaints)


@pytest.fixture
def serve() -> Serve:
    """Serve the project in a folder for as long as a block takes."""
    return _serve


@pytest.fixture(scope="module")
def agent() -> Iterator[Agent]:
    """The agent of this project."""
    with _serve(ROOT) as agent:
        yield agent


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of this project that a test may edit."""
    project = tmp_path / "project"
    shutil.copytree(ROOT / "functions", project / "functions")
    shutil.copy(ROOT / "template.yaml", project)
    return project


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    """Run `aiflow` with these arguments."""
    return runner(monkeypatch, capfd)


def said(session_id: str, text: str) -> JsonObject:
    """The event of a caller who says something."""
    return sample_event("user_speak", {"text": text}, {"id": session_id})


def put(project: Path, function: str, code: str) -> None:
    """Put a function of another kind in the place of one of the project, or of the layer."""
    path = project / "functions" / function / "app.py"
    path.parent.mkdir(exist_ok=True)
    path.write_text(code, encoding="utf-8")
    entrypoint, own = f"aiflow.entrypoints.{function}.", f"{function}.app."
    edit(project, "template.yaml", lambda text: text.replace(entrypoint, own))


def edit(project: Path, file: str, change: Callable[[str], str]) -> None:
    """Change a file of a project."""
    path = project / file
    path.write_text(change(path.read_text("utf-8")), encoding="utf-8")
