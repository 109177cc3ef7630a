"""The session stores under test, each empty and on a clock of the test."""

from collections.abc import Iterator
from typing import Protocol

import pytest

from aiflow.sessions.memory import InMemorySessionStore
from aiflow.sessions.store import OpenCallFinder, SessionStore
from tests.helpers.runtime import Clock
from tests.helpers.tables import ENVIRONMENT, Table, moto_table, served_table


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def aws_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def table_in_process(clock: Clock, aws_environment: None) -> Iterator[Table]:
    with moto_table(clock) as table:
        yield table


@pytest.fixture
def table_behind_socket(
    clock: Clock,
    aws_environment: None,
    dynalite_endpoint: str,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Table]:
    monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", dynalite_endpoint)
    with served_table(clock) as table:
        yield table


@pytest.fixture(params=["table_in_process", "table_behind_socket"])
def table(request: pytest.FixtureRequest) -> Table:
    found: Table = request.getfixturevalue(request.param)
    return found


class Sessions(SessionStore, OpenCallFinder, Protocol):
    """What the tests need of a store."""


@pytest.fixture(params=["memory", "table_in_process", "table_behind_socket"])
def sessions(request: pytest.FixtureRequest, clock: Clock) -> Sessions:
    if request.param == "memory":
        return InMemorySessionStore(clock)
    found: Table = request.getfixturevalue(request.param)
    return found.sessions
