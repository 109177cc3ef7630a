"""Start-up of a function, before the first event."""

import json
from collections.abc import Iterator

import pytest

from aiflow import Call, Event, Reply, entrypoint
from aiflow.bootstrap import default_dependencies, default_runtime, default_session_store
from aiflow.errors import SettingsError
from tests.helpers.bad_bodies import EVENT
from tests.helpers.runtime import TOKEN, Clock, FakeContext, digest_of, http_v2
from tests.helpers.tables import ENVIRONMENT, Table, moto_table


def greet(event: Event, call: Call) -> Reply:
    """Answer every event."""
    return call.speak(f"Hello, {event.type}")


@pytest.fixture(autouse=True)
def on_lambda(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Simulate the start of a process on Lambda, and clear all caches."""
    for name, value in {**ENVIRONMENT, "AWS_LAMBDA_RUNTIME_API": "127.0.0.1:9001"}.items():
        monkeypatch.setenv(name, value)
    _clear_caches()
    yield
    _clear_caches()


def _clear_caches() -> None:
    default_runtime.cache_clear()
    default_session_store.cache_clear()
    default_dependencies.cache_clear()


@pytest.fixture
def table() -> Iterator[Table]:
    with moto_table(Clock()) as table:
        yield table


@pytest.fixture
def configured(table: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API_TOKEN_SHA256", digest_of(TOKEN))
    monkeypatch.setenv("SESSIONS_TABLE", table.name)
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "started-up")


@pytest.mark.usefixtures("configured")
def test_a_configured_function_answers_and_stores_the_call_in_its_table(
    table: Table, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = entrypoint(greet)(http_v2(EVENT), FakeContext())

    assert answer["statusCode"] == 200
    assert json.loads(answer["body"])["text"] == "Hello, user_speak"
    assert json.loads(table.call("session-123")["turns"]["S"])[0][2] == "Hello"
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {line["service"] for line in lines} == {"started-up"}


@pytest.mark.usefixtures("configured")
def test_the_runtime_is_built_once_and_before_the_first_event() -> None:
    entrypoint(greet)
    made = default_runtime.cache_info()
    assert (made.misses, made.currsize) == (1, 1)

    entrypoint(greet)(http_v2(EVENT), FakeContext())
    assert default_runtime.cache_info().misses == 1


@pytest.mark.parametrize("missing", ["API_TOKEN_SHA256", "SESSIONS_TABLE"])
@pytest.mark.usefixtures("configured")
def test_a_function_without_configuration_does_not_start(
    monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    monkeypatch.delenv(missing)
    with pytest.raises(SettingsError, match=f"{missing}: "):
        entrypoint(greet)


def test_outside_of_lambda_settings_are_read_at_the_first_event(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("AWS_LAMBDA_RUNTIME_API")
    monkeypatch.delenv("API_TOKEN_SHA256", raising=False)
    handler = entrypoint(greet)
    with pytest.raises(SettingsError, match="API_TOKEN_SHA256: "):
        handler(http_v2(EVENT), FakeContext())
