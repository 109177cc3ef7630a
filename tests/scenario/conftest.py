"""The gateway on a real socket, in front of this project or a copy of it."""

import shutil
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from aiflow.protocol.types import JsonObject
from local.gateway.gateway import Gateway, Served, open_gateway
from local.gateway.server import in_background
from local.mock_events import mock_event
from local.tokens import Token
from tests.unit.local.command import Run, runner

ROOT = Path(__file__).parents[2]
TOKEN = Token("a token made up for these tests")


@dataclass(frozen=True)
class Agent:
    """An agent that is being served, and what its gateway told."""

    url: str
    gateway: Gateway
    served: list[Served] = field(default_factory=list[Served])
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


type Serve = Callable[[Path], AbstractContextManager[Agent]]


@contextmanager
def _serve(project: Path) -> Generator[Agent]:
    served: list[Served] = []
    complaints: list[str] = []
    parameters = {"TokenSha256": TOKEN.digest}
    with (
        open_gateway(project, parameters, served.append, complaints.append) as gateway,
        in_background(gateway) as url,
    ):
        yield Agent(url, gateway, served, complaints)


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
    return mock_event("user_speak", {"text": text}, {"id": session_id})
