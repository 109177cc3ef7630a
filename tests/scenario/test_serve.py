"""`aiflow serve` in a process of its own."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from queue import Queue
from threading import Thread

import httpx
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from aiflow.protocol.types import JsonObject
from tests.scenario.conftest import ROOT, put, said
from tests.unit.local.cli.command import Run

AIFLOW = [sys.executable, "-m", "aiflow_local.cli.entry"]


@dataclass(frozen=True)
class Serving:
    """A running `aiflow serve`."""

    process: subprocess.Popen[str]
    out: Iterator[str]
    err: Iterator[str]
    url: str
    websocket: str
    token: str

    def post(self, event: JsonObject) -> httpx.Response:
        headers = {"x-api-token": self.token}
        return httpx.post(self.url, json=event, headers=headers, timeout=30, trust_env=False)

    def wait_for(self, text: str) -> str:
        return next(line for line in self.out if text in line)

    def stop(self) -> int:
        self.process.send_signal(signal.SIGINT)
        return self.process.wait()


@contextmanager
def serving(project: Path, *options: str, by: Sequence[str] = ()) -> Generator[Serving]:
    with subprocess.Popen(
        [*by, *AIFLOW, "serve", "--port", "0", *options],
        cwd=project,
        env={**os.environ, "PYTHONPATH": str(project / "layers")},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        out, err = iter(process.stdout), iter(process.stderr)
        try:
            url, websocket, token = _banner(out)
            yield Serving(process, out, err, url, websocket, token)
        finally:
            process.kill()


def _banner(out: Iterator[str]) -> tuple[str, str, str]:
    url, websocket, token = (next(out).split()[1] for _ in range(3))
    next(line for line in out if "Ctrl-C" in line)
    return url, websocket, token


@pytest.fixture
def layered(copy: Path) -> Path:
    """A copy of this project that includes the layer."""
    shutil.copytree(ROOT / "layers/aiflow/python/aiflow", copy / "layers/aiflow")
    return copy


def replace(file: Path, old: str, new: str) -> None:
    """Edit a file like an editor: write a new file, and replace the old one."""
    edited = file.with_suffix(".new")
    edited.write_text(file.read_text("utf-8").replace(old, new, 1), encoding="utf-8")
    edited.replace(file)


def test_changed_code_is_loaded_and_broken_code_is_reported(copy: Path) -> None:
    code = copy / "functions/user_speak/app.py"
    with serving(copy) as gateway:
        assert gateway.post(said("edit", "one")).json()["text"] == "You said: one"
        replace(code, "You said", "I heard")
        gateway.wait_for("Reloaded.")
        assert gateway.post(said("edit", "two")).json()["text"] == "I heard: two"

        replace(code, "def handle(", "def (")
        error = list(iter(lambda: next(gateway.err), "The previous code stays active.\n"))
        assert error[-1] == "SyntaxError: invalid syntax\n"
        assert gateway.post(said("edit", "three")).json()["text"] == "I heard: three"

        replace(code, "def (", "def handle(")
        gateway.wait_for("Reloaded.")
        replace(copy / "template.yaml", "Path: /webhook", "Path: /hook")
        gateway.wait_for("Reloaded.")
        assert gateway.post(said("edit", "four")).status_code == 404


def test_a_change_of_the_layer_restarts_the_server_at_the_same_address(layered: Path) -> None:
    with serving(layered) as gateway:
        errors = layered / "layers/aiflow/errors.py"
        errors.write_text(errors.read_text("utf-8") + "# edited\n", encoding="utf-8")
        gateway.wait_for("The layer has changed")
        assert _banner(gateway.out) == (gateway.url, gateway.websocket, gateway.token)
        assert gateway.post(said("layer", "one")).status_code == 200


def test_each_request_prints_a_line_without_texts_and_ctrl_c_stops_the_server(
    copy: Path,
) -> None:
    with serving(copy, "--token", "secret") as gateway:
        assert gateway.token == "secret"
        gateway.post(said("line", "a whisper"))
        assert re.fullmatch(r"POST /webhook 200 \d+ ms user_speak\n", next(gateway.out))
        httpx.post(gateway.url, json={}, trust_env=False)
        assert re.fullmatch(r"POST /webhook 401 \d+ ms refused: missing\n", next(gateway.out))
        assert gateway.stop() == 0
        assert [*gateway.out] == ["Stopped.\n"]
        assert [*gateway.err] == []


def test_each_websocket_message_connect_and_disconnect_prints_a_line(copy: Path) -> None:
    for name in ("connection", "user_speak"):
        code = "def handle(): ...\ndef lambda_handler(event, context): return {'statusCode': 200}\n"
        put(copy, name, code)
    with serving(copy, "--idle-timeout-seconds", "0.5") as gateway:
        headers = {"X-API-TOKEN": gateway.token}
        with connect(gateway.websocket, additional_headers=headers, proxy=None) as socket:
            assert re.fullmatch(r"WebSocket \$connect 200 \d+ ms\n", next(gateway.out))
            socket.send(json.dumps(said("line", "a whisper")))
            assert re.fullmatch(r"WebSocket user_speak 200 \d+ ms\n", next(gateway.out))
            with pytest.raises(ConnectionClosed):
                socket.recv()
        assert re.fullmatch(r"WebSocket \$disconnect 200 \d+ ms\n", next(gateway.out))
        with pytest.raises(InvalidStatus), connect(gateway.websocket, proxy=None):
            pass
        assert re.fullmatch(r"WebSocket \$connect 401 \d+ ms\n", next(gateway.out))
        assert gateway.stop() == 0
        assert [*gateway.out] == ["Stopped.\n"]
        assert [*gateway.err] == []


def test_without_a_websocket_api_no_websocket_url_is_printed(copy: Path) -> None:
    command = [*AIFLOW, "serve", "--port", "0", "--parameter", "WebSocket=disabled"]
    with subprocess.Popen(command, cwd=copy, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        names = [next(process.stdout).split()[0] for _ in range(2)]
        process.kill()
    assert names == ["Webhook", "Token"]


def test_sigint_stops_a_server_that_a_shell_started_in_the_background(copy: Path) -> None:
    # A shell script that starts a command with `&` makes it ignore SIGINT.
    background = ["/bin/sh", "-c", 'trap "" INT; exec "$@"', "sh"]
    with serving(copy, by=background) as gateway:
        # An answer shows that the server has installed its signal handlers.
        assert gateway.post(said("s-1", "hello")).status_code == 200
        assert gateway.stop() == 0
        assert gateway.wait_for("Stopped.")


def test_ctrl_c_stops_the_server_while_a_handler_hangs(copy: Path) -> None:
    code = copy / "functions/user_speak/app.py"
    hanging = "print('hanging', flush=True); __import__('threading').Event().wait()\n    words ="
    code.write_text(code.read_text("utf-8").replace("words =", hanging, 1), encoding="utf-8")
    with serving(copy) as gateway:
        answers: Queue[httpx.Response | httpx.HTTPError] = Queue()
        caller = Thread(target=_ask, args=(gateway, answers))
        caller.start()
        gateway.wait_for("hanging")
        assert gateway.stop() == 0
        caller.join()
        assert [line for line in gateway.err if "Traceback" in line] == []


def _ask(gateway: Serving, answers: "Queue[httpx.Response | httpx.HTTPError]") -> None:
    try:
        answers.put(gateway.post(said("hanging", "one")))
    except httpx.HTTPError as error:
        answers.put(error)


def test_the_error_for_a_port_in_use_proposes_another_port(run: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        finished = run("serve", "--port", str(port))
    assert (finished.code, finished.out) == (1, "")
    assert f"port {port} is in use" in finished.err
    assert f"--port {port + 1}" in finished.err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--host", "host.invalid"], "host.invalid is not an address of this machine"),
        (["--parameter", "Nothing=1"], "Nothing is not a parameter"),
        (["--parameter", "Nothing"], "NAME=VALUE"),
        (["--parameter", "TokenSha256=0"], "--token"),
        (["--token", ""], "visible ASCII"),
        (["--token", "two words"], "visible ASCII"),
        (["--port", "70000"], "0<=x<=65535"),
        (["--idle-timeout-seconds", "0"], "x>0"),
        (["--connection-limit-seconds", "long"], "not a valid float"),
    ],
)
def test_invalid_options_print_an_error_without_a_traceback(
    run: Run, options: list[str], message: str
) -> None:
    finished = run("serve", *options)
    assert finished.code in {1, 2}
    assert finished.out == ""
    assert message in finished.err
    assert "Traceback" not in finished.err


def test_the_project_is_found_from_a_folder_inside_it(
    run: Run, copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(copy / "functions")
    (copy / "template.yaml").write_text("Resources: [")
    finished = run("serve", "--port", "0")
    assert (finished.code, finished.out) == (1, "")
    assert "template.yaml is not valid YAML" in finished.err
