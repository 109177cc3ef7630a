"""Run whole calls through the AWS Lambda runtime emulator."""

import json
import logging
import os
import tempfile
from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from moto.server import ThreadedMotoServer

from tests.helpers.emulator import BUILD, Emulator, Function, FunctionError
from tests.helpers.loopback import HOST, free_port
from tests.helpers.runtime import TOKEN, Clock, http_v2
from tests.helpers.tables import ENVIRONMENT, served_table
from tests.helpers.template import Template

EVENTS = ("session_start", "user_speak", "assistant_speech_ended", "session_end")


@dataclass
class EmulatorResult:
    """Result of the calls.

    Attributes:
        calls: number of completed calls.
        statuses: number of answers by HTTP status.
        failures: descriptions of unexpected answers.
    """

    calls: int = 0
    statuses: Counter[int] = field(default_factory=Counter[int])
    failures: list[str] = field(default_factory=list[str])


def is_built() -> bool:
    """Return whether `make build` has built the stack."""
    return (BUILD / "template.yaml").exists()


def run_emulated_calls(calls: int) -> EmulatorResult:
    """Play calls, send requests that must be rejected, and start a misconfigured function."""
    found, webhook = EmulatorResult(), Function.built("WebhookFunction")
    with deployed_environment() as environment, tempfile.TemporaryDirectory() as folder:
        with Emulator(
            Function.built("WebhookFunction"), environment, Path(folder) / "log"
        ) as function:
            for number in range(calls):
                _call(function, number, found)
            _check_rejections(function, found)
            if TOKEN in function.log:
                found.failures.append("the log contains the token")
        broken = environment | {"API_TOKEN_SHA256": ""}
        broken_log = Path(folder) / "broken"
        with (
            Emulator(webhook, broken, broken_log) as function,
            suppress(FunctionError),
        ):
            function.invoke(request("session_start", "none"))
            found.failures.append("a function without a token starts")
    return found


def _call(function: Emulator, number: int, found: EmulatorResult) -> None:
    expected = {"session_start": 200, "user_speak": 200}
    for name in EVENTS:
        status = _ask(function, request(name, f"call-{number}"), found)
        if status != expected.get(name, 204):
            found.failures.append(f"{name} was answered with {status}")
    if _ask(function, request("user_speak", f"call-{number}"), found) != 204:
        found.failures.append("an event after the end was answered")
    found.calls += 1


def _check_rejections(function: Emulator, found: EmulatorResult) -> None:
    for name, sent, status in (
        ("a wrong token", http_v2({"type": "user_speak"}, token="wrong"), 401),
        ("a body of 300 KB", http_v2("x" * 300_000), 413),
        ("no event", http_v2("[]"), 400),
    ):
        if _ask(function, sent, found) != status:
            found.failures.append(f"{name} was not answered with {status}")


def _ask(function: Emulator, sent: Any, found: EmulatorResult) -> int:  # noqa: ANN401 - JSON
    try:
        answer = function.invoke(sent)
    except FunctionError as error:
        found.failures.append(str(error)[:200])
        return 502
    status = answer["statusCode"] if isinstance(answer, dict) else None
    number = status if isinstance(status, int) else 0
    found.statuses[number] += 1
    return number


def request(name: str, session_id: str, text: str = "Hello") -> dict[str, Any]:
    """Return an event as API Gateway passes it to a function."""
    event = {"type": name, "text": text, "session": {"id": session_id}}
    return http_v2(json.dumps(event))


@contextmanager
def deployed_environment() -> Generator[dict[str, str]]:
    """Yield the environment of a deployed function, with a table behind a socket."""
    port = free_port()
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(HOST, port, verbose=False)
    server.start()
    endpoint = {"AWS_ENDPOINT_URL_DYNAMODB": f"http://{HOST}:{port}"}
    os.environ.update(ENVIRONMENT | endpoint)
    named = Template(BUILD / "template.yaml").functions["WebhookFunction"]["Environment"]
    try:
        with served_table(Clock()) as table:
            yield {
                **dict.fromkeys(named["Variables"], ""),
                **ENVIRONMENT,
                **endpoint,
                "SESSIONS_TABLE": table.name,
                "API_TOKEN_SHA256": sha256(TOKEN.encode()).hexdigest(),
            }
    finally:
        del os.environ["AWS_ENDPOINT_URL_DYNAMODB"]
        server.stop()
