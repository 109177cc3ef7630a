"""Lambda's runtime interface emulator, running the output of `sam build`.

Its binary ships with the SAM CLI and needs no Docker.
"""

import json
import os
import platform
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Self

import httpx

from aiflow.protocol.types import JsonValue
from tests.helpers.loopback import HOST, free_port, wait_until_listening
from tests.helpers.template import ROOT, Template

ARCHITECTURE = "x86_64" if platform.machine() == "x86_64" else "arm64"
BUILD = ROOT / ".aws-sam" / ARCHITECTURE
# The packages of Lambda's image, so that packages of the tests do not replace those of the layer.
RUNTIME = ROOT / ".runtime"


class FunctionError(Exception):
    """The function did not answer: it failed to start, raised, ended or ran out of time."""


@dataclass(frozen=True)
class Function:
    """The configuration of a Lambda function.

    Attributes:
        name: of the function.
        handler: module and name of the handler.
        paths: folders of modules, the folder of the function first.
        timeout: in seconds.
        memory: in megabytes.
    """

    name: str
    handler: str
    paths: Sequence[Path]
    timeout: int = 10
    memory: int = 1024

    @classmethod
    def built(cls, name: str) -> Self:
        """Return a function of the template as `sam build` built it."""
        properties = Template(BUILD / "template.yaml").functions[name]
        paths = (BUILD / name, BUILD / "AiflowLayer/python", RUNTIME)
        return cls(
            name, properties["Handler"], paths, properties["Timeout"], properties["MemorySize"]
        )


class Emulator:
    """One function in one emulated container, which handles one event at a time."""

    def __init__(self, function: Function, environment: Mapping[str, str], log: Path) -> None:
        port = free_port()
        addresses = {
            "--runtime-interface-emulator-address": f"{HOST}:{port}",
            "--runtime-api-address": f"{HOST}:{free_port()}",
        }
        binary = files("samcli") / "local" / "rapid" / f"aws-lambda-rie-{ARCHITECTURE}"
        # -S excludes the packages of this environment.
        runtime = [sys.executable, "-S", "-m", "awslambdaric", function.handler]
        self._log = log
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                [str(binary), *(word for option in addresses.items() for word in option), *runtime],
                cwd=function.paths[0],
                env={
                    "PATH": os.defpath,
                    "PYTHONPATH": os.pathsep.join(map(str, function.paths)),
                    # /var/task and /opt are read-only on Lambda.
                    "PYTHONDONTWRITEBYTECODE": "1",
                    "LAMBDA_TASK_ROOT": str(function.paths[0]),
                    "AWS_LAMBDA_FUNCTION_NAME": function.name,
                    "AWS_LAMBDA_FUNCTION_TIMEOUT": str(function.timeout),
                    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory),
                    **environment,
                },
                stdout=output,
                stderr=subprocess.STDOUT,
                # A process group, so that the runtime ends with its emulator.
                start_new_session=True,
            )
        wait_until_listening(self._process, port)
        self._url = f"http://{HOST}:{port}/2015-03-31/functions/function/invocations"

    def invoke(self, event: JsonValue) -> JsonValue:
        """Invoke the function with an event and return its answer.

        Raises:
            FunctionError: the function did not answer.
        """
        response = httpx.post(self._url, json=event, timeout=30)
        try:
            answer: JsonValue = response.json()
        except json.JSONDecodeError:
            # The emulator reports a timeout as plain text with status 200.
            raise FunctionError(f"{response.text}\n{self.log}") from None
        if response.is_error or (isinstance(answer, dict) and "errorType" in answer):
            raise FunctionError(f"{answer}\n{self.log}")
        return answer

    @property
    def log(self) -> str:
        """The output of the function and its emulator."""
        return self._log.read_text(encoding="utf-8", errors="replace")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
