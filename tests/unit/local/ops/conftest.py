"""An operator at a terminal, and an account on moto in this process."""

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
    """Run `aiflow` with these arguments."""
    return runner(monkeypatch, capfd)


@pytest.fixture
def clock() -> Clock:
    """A clock of the handlers that begins at the time of the command."""
    return Clock(float(int(time.time())))


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> None:
    """Credentials that open nothing."""
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def table(clock: Clock, aws: None) -> Iterator[Table]:
    """The table of the calls, empty."""
    with moto_table(clock) as table:
        yield table


@pytest.fixture
def account(table: Table) -> Account:
    """The account with that table in it, and no stack yet."""
    return Account()


@pytest.fixture
def served(table: Table) -> Iterator[str]:
    """The URL at which other processes reach the account."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()
