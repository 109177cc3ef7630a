"""Time from an event to its first action, over HTTP and over WebSocket.

    python -m benchmarks.transports [--messages 200] [--handler-seconds 0.5] [--json]

One process sends events over both transports in turn to the same handler. The handler says "One
moment.", waits, and answers. The gateway is that of `aiflow serve`, so the figures compare the
transports and do not include the network of AWS.
"""

import argparse
import json
import platform
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
from websockets.sync.client import connect

from aiflow.protocol.types import JsonObject
from aiflow_local.emulator.gateway import ServeOptions, open_gateway
from aiflow_local.emulator.sample_events import sample_event
from aiflow_local.emulator.server import base_url, listen, serve_in_background
from aiflow_local.stack.project import find_project
from aiflow_local.tokens import Token, new_token

HANDLER = '''"""Answer in two parts, and wait in between."""

import time
from collections.abc import Iterator

from aiflow import Call, Reply, UserSpeak, entrypoint


def handle(event: UserSpeak, call: Call) -> Iterator[Reply]:
    yield "One moment."
    time.sleep(float(call.config["handler_seconds"]))
    yield "The answer."


lambda_handler = entrypoint(handle)
'''

_TIMEOUT_SECONDS = 60


@dataclass(frozen=True)
class Client:
    """A client of the agent over one transport.

    Attributes:
        transport: name of the transport.
        send: sends an event, and returns when the first action of its answer arrives.
        receive_rest: returns when the rest of the answer arrives.
    """

    transport: str
    send: Callable[[JsonObject], None]
    receive_rest: Callable[[], None] = lambda: None


@dataclass(frozen=True)
class Figures:
    """The figures of one transport, in milliseconds.

    Attributes:
        transport: name of the transport.
        first_ms: time from each event to its first action.
    """

    transport: str
    first_ms: list[float]

    @property
    def median_ms(self) -> float:
        """The median."""
        return statistics.median(self.first_ms)

    @property
    def p99_ms(self) -> float:
        """The 99th percentile."""
        return statistics.quantiles(self.first_ms, n=100)[98]

    def as_json(self) -> dict[str, Any]:
        """Return what `--json` prints."""
        return {"transport": self.transport, "median_ms": self.median_ms, "p99_ms": self.p99_ms}


@contextmanager
def served(handler_seconds: float) -> Generator[tuple[str, Token]]:
    """Serve the agent with the measured handler; yield its URL and its token."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        project = Path(folder)
        shutil.copytree(find_project() / "functions", project / "functions")
        template = (find_project() / "template.yaml").read_text("utf-8")
        setting = f'        AGENT_HANDLER_SECONDS: "{handler_seconds}"\n'
        variables = "      Variables:\n"
        (project / "template.yaml").write_text(
            template.replace(variables, variables + setting, 1), encoding="utf-8"
        )
        (project / "functions/user_speak/app.py").write_text(HANDLER, encoding="utf-8")
        token = new_token()
        listener = stack.enter_context(listen("127.0.0.1", 0))
        address = base_url(listener)
        values = {"TokenSha256": token.digest}
        gateway = stack.enter_context(
            open_gateway(project, values, lambda _: None, print, ServeOptions(address=address))
        )
        stack.enter_context(serve_in_background(gateway, listener))
        yield address, token


@contextmanager
def connected_clients(address: str, token: Token) -> Generator[list[Client]]:
    """Yield a client for each transport."""
    headers = {"X-API-TOKEN": token.secret}
    websocket = address.replace("http", "ws", 1)
    with (
        httpx.Client(headers=headers, trust_env=False, timeout=_TIMEOUT_SECONDS) as client,
        connect(websocket, additional_headers=headers, proxy=None, compression=None) as socket,
    ):

        def post(event: JsonObject) -> None:
            client.post(f"{address}/webhook", json=event).raise_for_status()

        def send_message(event: JsonObject) -> None:
            socket.send(json.dumps(event))
            socket.recv(timeout=_TIMEOUT_SECONDS)

        def receive_message() -> None:
            socket.recv(timeout=_TIMEOUT_SECONDS)

        yield [Client("HTTP", post), Client("WebSocket", send_message, receive_message)]


def measure(clients: Sequence[Client], messages: int) -> list[Figures]:
    """Send a number of events with each client, in turn."""
    taken: dict[str, list[float]] = {client.transport: [] for client in clients}
    for number in range(messages):
        for client in clients:
            # A new call for each: the same event again would be a duplicate.
            session = {"id": str(uuid4())}
            event = sample_event("user_speak", {"text": str(number)}, session)
            begun = time.perf_counter()
            client.send(event)
            taken[client.transport].append((time.perf_counter() - begun) * 1000)
            # The rest of this answer must not slow down the next one.
            client.receive_rest()
    return [Figures(transport, times) for transport, times in taken.items()]


def table(handler_seconds: float, figures: Iterable[Figures]) -> str:
    """Return the figures as rows of a Markdown table."""
    return "\n".join(
        f"| {each.transport} | {handler_seconds:g} s"
        f" | {each.median_ms:.1f} ms | {each.p99_ms:.1f} ms |"
        for each in figures
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Time from an event to its first action.")
    parser.add_argument("--messages", type=int, default=200, help="events per transport")
    parser.add_argument(
        "--handler-seconds",
        type=float,
        nargs="*",
        default=[0, 0.5],
        help="time that the handler takes",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object a line")
    options = parser.parse_args()
    if not options.json:
        print(f"Python {platform.python_version()} on {platform.machine()}")
        print("| Transport | Handler takes | First action, median | 99 % |")
        print("| --- | --- | --- | --- |")
    for seconds in options.handler_seconds:
        # With a slow handler, fewer events are enough and take less time.
        messages = options.messages if seconds == 0 else max(10, options.messages // 10)
        with served(seconds) as (address, token), connected_clients(address, token) as clients:
            measure(clients, 5)  # The first ones build the models.
            figures = measure(clients, messages)
        if options.json:
            for each in figures:
                print(json.dumps({"handler_seconds": seconds, **each.as_json()}))
        else:
            print(table(seconds, figures))


if __name__ == "__main__":
    main()
