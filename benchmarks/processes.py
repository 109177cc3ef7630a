"""Fresh processes: what importing a handler, its first answer and its further answers take."""

import json
import marshal
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import uuid4

from benchmarks.contenders import Contender
from benchmarks.store import Store

_PROBE = Path(__file__).with_name("probe.py")


class WrongAnswer(Exception):
    """A contender did not do the work that it is measured by."""


@dataclass(frozen=True)
class Process:
    """What one process took; times in milliseconds.

    Attributes:
        import_ms: importing the handler.
        import_cpu_ms: the same, CPU time.
        cold_ms: importing the handler and answering the first turn.
        cold_cpu_ms: the same, CPU time.
        warm_ms: each further turn.
        warm_cpu_ms: CPU time of a further turn, in the mean.
        peak_mb: largest memory.
        modules: that were imported, up to the first answer.
    """

    import_ms: float
    import_cpu_ms: float
    cold_ms: float
    cold_cpu_ms: float
    warm_ms: tuple[float, ...]
    warm_cpu_ms: float
    peak_mb: float
    modules: int


def run(contender: Contender, store: Store, turns: int) -> Process:
    """Run a contender in a process of its own, for so many turns of one call.

    Raises:
        WrongAnswer: it failed, or did not say what it was to say.
    """
    session_id = uuid4().hex
    words = [f"This is what I say in turn number {number}" for number in range(turns)]
    with TemporaryDirectory() as folder:
        result = Path(folder) / "result"
        job = {
            "handler": contender.handler,
            "envelopes": [contender.envelope(session_id, text) for text in words],
            "result": str(result),
        }
        done = subprocess.run(
            [sys.executable, "-S", "-P", str(_PROBE)],
            input=marshal.dumps(job),
            env=_environment(contender, store),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            check=False,
        )
        if done.returncode:
            raise WrongAnswer(f"{contender.name}: {done.stderr.decode(errors='replace')}")
        figures: dict[str, Any] = marshal.loads(result.read_bytes())  # noqa: S302 - our own probe's
    check_answers(contender, words, figures["answers"])
    return Process(
        import_ms=figures["import_ns"] / 1e6,
        import_cpu_ms=figures["import_cpu_ns"] / 1e6,
        cold_ms=figures["cold_ns"] / 1e6,
        cold_cpu_ms=figures["cold_cpu_ns"] / 1e6,
        warm_ms=tuple(lap / 1e6 for lap in figures["warm_ns"]),
        warm_cpu_ms=figures["warm_cpu_ns"] / 1e6,
        peak_mb=figures["peak_kb"] / 1024,
        modules=figures["modules"],
    )


def check_answers(contender: Contender, words: list[str], bodies: list[str]) -> None:
    """Look whether each answer says what the turn was about.

    Raises:
        WrongAnswer: one does not.
    """
    for text, body in zip(words, bodies, strict=True):
        spoken = json.loads(body)
        if spoken.get("text", spoken.get("response")) != f"You said: {text}":
            raise WrongAnswer(f"{contender.name} answered {body}")


def _environment(contender: Contender, store: Store) -> dict[str, str]:
    return {
        "PATH": os.defpath,
        "PYTHONPATH": os.pathsep.join(map(str, contender.paths)),
        # /var/task and /opt cannot be written to: what comes without bytecode is compiled each
        # time.
        "PYTHONDONTWRITEBYTECODE": "1",
        "LAMBDA_TASK_ROOT": str(contender.code),
        "AWS_LAMBDA_RUNTIME_API": "127.0.0.1:9",
        **contender.environment(store.table(contender.key), store.endpoint),
    }
