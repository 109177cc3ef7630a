"""From a message to its first action: HTTP against WebSocket, the same handler behind both doors.

    python -m benchmarks.transports [--messages 200] [--thinks-seconds 0.5] [--json]

One run, one process, by turns: the agent of this project, with a handler that says "One moment.",
thinks, and gives its answer. The gateway is the one of `aiflow serve`: so these figures compare the
doors, and say nothing of the network of AWS.
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

HANDLER = '''"""Answers in two pieces, and thinks in between."""

import time
from collections.abc import Iterator

from aiflow import Call, Reply, UserSpeak, entrypoint


def handle(event: UserSpeak, call: Call) -> Iterator[Reply]:
    yield "One moment."
    time.sleep(float(call.config["thinks_seconds"]))
    yield "The answer."


lambda_handler = entrypoint(handle)
'''

_PATIENCE_SECONDS = 60


@dataclass(frozen=True)
class Door:
    """A way to the agent.

    Attributes:
        name: of the transport.
        ask: sends an event, and returns when its first action is there.
        hear_out: returns when the rest of the answer is there, too.
    """

    name: str
    ask: Callable[[JsonObject], None]
    hear_out: Callable[[], None] = lambda: None


@dataclass(frozen=True)
class Figures:
    """What was measured of one door, in milliseconds.

    Attributes:
        door: which one.
        first_ms: from each message to its first action.
    """

    door: str
    first_ms: list[float]

    @property
    def median_ms(self) -> float:
        """Half of them were faster."""
        return statistics.median(self.first_ms)

    @property
    def p99_ms(self) -> float:
        """All but one of a hundred were faster."""
        return statistics.quantiles(self.first_ms, n=100)[98]

    def as_json(self) -> dict[str, Any]:
        """Return what `--json` prints."""
        return {"door": self.door, "median_ms": self.median_ms, "p99_ms": self.p99_ms}


@contextmanager
def served(thinks_seconds: float) -> Generator[tuple[str, Token]]:
    """Serve the agent with the handler that is measured; return its address and token."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        project = Path(folder)
        shutil.copytree(find_project() / "functions", project / "functions")
        template = (find_project() / "template.yaml").read_text("utf-8")
        setting = f'        AGENT_THINKS_SECONDS: "{thinks_seconds}"\n'
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
def open_doors(address: str, token: Token) -> Generator[list[Door]]:
    """Open both doors."""
    headers = {"X-API-TOKEN": token.secret}
    websocket = address.replace("http", "ws", 1)
    with (
        httpx.Client(headers=headers, trust_env=False, timeout=_PATIENCE_SECONDS) as client,
        connect(websocket, additional_headers=headers, proxy=None, compression=None) as socket,
    ):

        def post(event: JsonObject) -> None:
            client.post(f"{address}/webhook", json=event).raise_for_status()

        def message(event: JsonObject) -> None:
            socket.send(json.dumps(event))
            socket.recv(timeout=_PATIENCE_SECONDS)

        def listen_on() -> None:
            socket.recv(timeout=_PATIENCE_SECONDS)

        yield [Door("HTTP", post), Door("WebSocket", message, listen_on)]


def measure(doors: Sequence[Door], messages: int) -> list[Figures]:
    """Send so many messages through each door, by turns."""
    taken: dict[str, list[float]] = {door.name: [] for door in doors}
    for number in range(messages):
        for door in doors:
            # A call of its own each: the same words once more would be a repetition.
            session = {"id": str(uuid4())}
            event = sample_event("user_speak", {"text": str(number)}, session)
            begun = time.perf_counter()
            door.ask(event)
            taken[door.name].append((time.perf_counter() - begun) * 1000)
            # So that nothing is under way when the next one is asked.
            door.hear_out()
    return [Figures(door, times) for door, times in taken.items()]


def table(thinks_seconds: float, figures: Iterable[Figures]) -> str:
    """Write the figures for people."""
    rows = [
        f"| {each.door} | {thinks_seconds:g} s | {each.median_ms:.1f} ms | {each.p99_ms:.1f} ms |"
        for each in figures
    ]
    return "\n".join(rows)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="From a message to its first action.")
    parser.add_argument("--messages", type=int, default=200, help="how many by each door")
    parser.add_argument(
        "--thinks-seconds", type=float, nargs="*", default=[0, 0.5], help="of the handler"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object a line")
    options = parser.parse_args()
    if not options.json:
        print(f"Python {platform.python_version()} on {platform.machine()}, by turns")
        print("| Door | The handler thinks | First action, median | 99 % |")
        print("| --- | --- | --- | --- |")
    for seconds in options.thinks_seconds:
        # Nobody learns more from waiting for two hundred thoughts.
        messages = options.messages if seconds == 0 else max(10, options.messages // 10)
        with served(seconds) as (address, token), open_doors(address, token) as doors:
            measure(doors, 5)  # the first ones build the models
            figures = measure(doors, messages)
        if options.json:
            for each in figures:
                print(json.dumps({"thinks_seconds": seconds, **each.as_json()}))
        else:
            print(table(seconds, figures))


if __name__ == "__main__":
    main()
