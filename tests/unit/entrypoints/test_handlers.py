"""Entrypoints that load the handlers of a project by name."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from aiflow.entrypoints.event import Entrypoint
from aiflow.entrypoints.handler_loader import load_handler
from aiflow.errors import HandlerLoadError
from aiflow.protocol.events import EVENT_TYPES
from aiflow.sessions.memory import InMemorySessionStore
from aiflow_local.emulator.module_loader import ModuleLoader
from aiflow_local.errors import CodeError
from aiflow_local.stack.template import FunctionSpec
from tests.helpers.in_process import CallDriver
from tests.helpers.runtime import FakeContext

RECORDING_HANDLER = """
from aiflow import Call, Reply, SessionEnd

def handle(event: SessionEnd, call: Call) -> Reply:
    call.state["ran"] = {**call.state.get("ran", {}), event.type: __name__}
"""

type Load = Callable[[str], Any]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project whose handlers record in the state that they ran."""
    for event_type in EVENT_TYPES:
        write(tmp_path, event_type, RECORDING_HANDLER)
    return tmp_path


@pytest.fixture
def load(project: Path) -> Iterator[Load]:
    """Load an entrypoint of the layer as Lambda does, with the handlers of the project."""
    modules = ModuleLoader()

    def load(entrypoint: str) -> Any:  # noqa: ANN401 - an entrypoint of any kind
        spec = FunctionSpec(
            name=entrypoint.title(),
            code=Path("functions"),
            handler=f"aiflow.entrypoints.{entrypoint}.lambda_handler",
            environment={},
            timeout_seconds=28,
            memory_mb=512,
            routes=(),
        )
        return modules.load(project, [spec])[spec.name]

    yield load
    modules.close()


def write(project: Path, event_type: str, code: str) -> None:
    """Write the handler of an event type."""
    path = project / "functions" / event_type / "app.py"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(code, encoding="utf-8")


def test_the_webhook_dispatches_each_event_to_the_handler_of_its_type(load: Load) -> None:
    handler = load("webhook")
    assert isinstance(handler, Entrypoint)
    driver = CallDriver(handler)
    for event_type in EVENT_TYPES.keys() - {"session_end"}:
        driver.send(event_type, text="Hello", digit="1")
    driver.send("session_end")
    assert driver.record.state["ran"] == {name: f"{name}.app" for name in EVENT_TYPES}


def test_the_sweeper_closes_a_call_with_the_session_end_handler(load: Load) -> None:
    handler = load("sweeper")
    driver = CallDriver(load("webhook"))
    driver.send("session_start")
    driver.clock.advance(driver.runtime.settings.abandoned_after_seconds)
    assert isinstance(driver.runtime.sessions, InMemorySessionStore)
    handler.bind(driver.runtime, driver.runtime.sessions)({}, FakeContext())
    assert driver.record.state["ran"] == {
        "session_start": "session_start.app",
        "session_end": "session_end.app",
    }


@pytest.mark.parametrize("entrypoint", ["webhook", "sweeper"])
@pytest.mark.parametrize(
    ("code", "message"),
    [
        (
            "import no_such",
            r"HandlerLoadError: session_end\.app cannot be imported: No module",
        ),
        ("from aiflow import Nothing", r"session_end\.app cannot be imported: cannot import name"),
        ("", r"HandlerLoadError: session_end\.app has no handler: define `handle\(event, call\)`"),
        ("handle = None", r"HandlerLoadError: session_end\.app has no handler"),
        ("\n1 / 0", r'session_end/app\.py", line 2(.|\n)*ZeroDivisionError'),
        ("def handle(", r'session_end/app\.py", line 1(.|\n)*SyntaxError'),
    ],
)
def test_a_handler_that_cannot_be_loaded_is_named_at_start_up(
    load: Load, project: Path, entrypoint: str, code: str, message: str
) -> None:
    write(project, "session_end", code)
    with pytest.raises(CodeError, match=message):
        load(entrypoint)


def test_a_missing_handler_is_named() -> None:
    message = r"moon_rose\.app cannot be imported: No module named 'moon_rose'"
    with pytest.raises(HandlerLoadError, match=message):
        load_handler("moon_rose")
