"""The built functions, each in its own emulator, on one DynamoDB table behind a real socket."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache
from hashlib import sha256

import pytest
from moto.server import ThreadedMotoServer

from tests.helpers.emulator import BUILD, Emulator, Function
from tests.helpers.loopback import HOST, free_port
from tests.helpers.management import ManagementServer, serve_management
from tests.helpers.runtime import TOKEN, Clock
from tests.helpers.tables import ENVIRONMENT, served_table
from tests.helpers.template import Template

type Start = Callable[[str], Emulator]


@pytest.fixture(scope="session")
def aws() -> Iterator[dict[str, str]]:
    """An environment with a local DynamoDB that has the table of the template."""
    port = free_port()
    server = ThreadedMotoServer(HOST, port, verbose=False)
    server.start()
    endpoint = {"AWS_ENDPOINT_URL_DYNAMODB": f"http://{HOST}:{port}"}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (ENVIRONMENT | endpoint).items():
            patch.setenv(name, value)
        with served_table(Clock()) as table:
            yield ENVIRONMENT | endpoint | {"SESSIONS_TABLE": table.name}
    server.stop()


@pytest.fixture(scope="session")
def connections() -> Iterator[ManagementServer]:
    """The local endpoint to which functions post messages for WebSocket connections."""
    with serve_management() as server:
        yield server


@pytest.fixture(scope="session")
def environment(aws: dict[str, str], connections: ManagementServer) -> dict[str, str]:
    """The environment of a deployed function: every variable of the template."""
    named = Template(BUILD / "template.yaml").functions["UserSpeakFunction"]["Environment"]
    return {
        **dict.fromkeys(named["Variables"], ""),
        **aws,
        "AWS_ENDPOINT_URL_APIGATEWAYMANAGEMENTAPI": connections.endpoint,
        "API_TOKEN_SHA256": sha256(TOKEN.encode()).hexdigest(),
    }


@pytest.fixture(scope="session")
def start(environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Start]:
    """Start a function on first use, and keep it running until the last test has ended."""
    logs = tmp_path_factory.mktemp("functions")
    with ExitStack() as running:

        @cache
        def start(function: str) -> Emulator:
            log = logs / f"{function}.log"
            return running.enter_context(Emulator(Function.built(function), environment, log))

        yield start
