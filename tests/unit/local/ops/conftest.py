"""Fixtures that run `aiflow` commands against a fake AWS account."""

import time
from collections.abc import Iterator

import pytest
from moto.server import ThreadedMotoServer

from tests.helpers.runtime import Clock
from tests.helpers.tables import ENVIRONMENT, Table, moto_table
from tests.unit.local.cli.command import Run, runner
from tests.unit.local.ops.account import Account


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    """A function that runs `aiflow` with arguments."""
    return runner(monkeypatch, capfd)


@pytest.fixture
def clock() -> Clock:
    """A clock for the handlers that starts at the current time."""
    return Clock(float(int(time.time())))


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> None:
    """Set fake AWS credentials."""
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def table(clock: Clock, aws: None) -> Iterator[Table]:
    """An empty table for calls."""
    with moto_table(clock) as table:
        yield table


@pytest.fixture
def account(table: Table) -> Account:
    """A fake account with the table, but no stack."""
    return Account()


@pytest.fixture
def served(table: Table) -> Iterator[str]:
    """The URL at which other processes reach the fake account."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()
