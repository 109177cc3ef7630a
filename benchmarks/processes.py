"""Fresh processes: time and memory for the import of a handler, its first and its later turns."""

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
    """A contender failed or gave a wrong answer."""


@dataclass(frozen=True)
class Process:
    """The figures of one process; times in milliseconds.

    Attributes:
        import_ms: import of the handler.
        import_cpu_ms: CPU time of the import.
        cold_ms: import of the handler and first turn.
        cold_cpu_ms: CPU time of the import and the first turn.
        warm_ms: each later turn.
        warm_cpu_ms: mean CPU time of a later turn.
        peak_mb: peak memory.
        modules: number of modules imported up to the first answer.
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
    """Run a contender in a new process for a number of turns of one call.

    Raises:
        WrongAnswer: the process failed, or an answer is wrong.
    """
    session_id = uuid4().hex
    transcripts = [f"This is what I say in turn number {number}" for number in range(turns)]
    with TemporaryDirectory() as folder:
        result = Path(folder) / "result"
        job = {
            "handler": contender.handler,
            "envelopes": [contender.envelope(session_id, text) for text in transcripts],
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
        figures: dict[str, Any] = marshal.loads(result.read_bytes())  # noqa: S302 - written by our probe
    check_answers(contender, transcripts, figures["answers"])
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


def check_answers(contender: Contender, transcripts: list[str], bodies: list[str]) -> None:
    """Check that each answer repeats the transcript of its turn.

    Raises:
        WrongAnswer: an answer does not.
    """
    for text, body in zip(transcripts, bodies, strict=True):
        spoken = json.loads(body)
        if spoken.get("text", spoken.get("response")) != f"You said: {text}":
            raise WrongAnswer(f"{contender.name} answered {body}")


def _environment(contender: Contender, store: Store) -> dict[str, str]:
    return {
        "PATH": os.defpath,
        "PYTHONPATH": os.pathsep.join(map(str, contender.paths)),
        # /var/task and /opt are read-only: Lambda compiles modules without bytecode at each start.
        "PYTHONDONTWRITEBYTECODE": "1",
        "LAMBDA_TASK_ROOT": str(contender.code),
        "AWS_LAMBDA_RUNTIME_API": "127.0.0.1:9",
        **contender.environment(store.table(contender.key), store.endpoint),
    }
