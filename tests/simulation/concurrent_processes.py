"""Test concurrent processes: many send turns of one call to a table behind a socket."""

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from itertools import pairwise

from tests.helpers.runtime import Clock
from tests.helpers.tables import ENVIRONMENT, served_table
from tests.helpers.template import ROOT

PROCESSES = 8
START_SECONDS = 6.0


@dataclass(frozen=True)
class ConcurrencyResult:
    """Result of the concurrent turns.

    Attributes:
        answered: number of answered turns.
        lost: number of answered turns that are not stored exactly once.
        degraded: number of turns that got an apology.
        overlapped: number of turns that started before the previous one ended.
        commits: how often the event that all processes sent is stored.
    """

    answered: int
    lost: int
    degraded: int
    overlapped: int
    commits: int


def run_concurrent_processes(turns: int) -> ConcurrencyResult:
    """Let processes send their own turns; then let all of them deliver the same event.

    The environment must name a DynamoDB endpoint.

    Raises:
        CalledProcessError: a process failed.
    """
    with served_table(Clock(time.time())) as table:
        lines = _run_workers(table.name, "talk", turns)
        stored = [turn.text for turn in table.sessions.turns("talk") if turn.role == "user"]
        _run_workers(table.name, "once", 1)
        once = [turn.text for turn in table.sessions.turns("once") if turn.role == "user"]
    answered = [text for text, _, _, is_answered in lines if is_answered]
    times = sorted((started, ended) for _, started, ended, _ in lines)
    return ConcurrencyResult(
        answered=len(answered),
        lost=sum(stored.count(text) != 1 for text in answered),
        degraded=len(lines) - len(answered),
        overlapped=sum(second[0] < first[1] for first, second in pairwise(times)),
        commits=len(once),
    )


def _run_workers(table: str, session_id: str, turns: int) -> list[tuple[str, float, float, bool]]:
    start = str(time.time() + START_SECONDS)
    command = [sys.executable, "-m", "tests.simulation.concurrent_worker", table, session_id]
    processes = [
        subprocess.Popen(
            [*command, str(number), str(turns), start],
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env={**os.environ, **ENVIRONMENT},
        )
        for number in range(PROCESSES)
    ]
    outputs = [process.communicate()[0] for process in processes]
    for process in processes:
        if process.returncode:
            raise subprocess.CalledProcessError(process.returncode, command)
    return [tuple(json.loads(line)) for output in outputs for line in output.splitlines()]
