"""Figures of real processes: many talk at once in one call, on a table behind a real socket."""

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
    """What came of it.

    Attributes:
        answered: turns that were answered.
        lost: those of them that are not there.
        degraded: turns that got an apology instead.
        overlapped: how often a turn began before another one had ended.
        commits: of what all processes said at once, how often it is there.
    """

    answered: int
    lost: int
    degraded: int
    overlapped: int
    commits: int


def run_concurrent_processes(turns: int) -> ConcurrencyResult:
    """Let processes talk so many turns each; then let all of them deliver one event.

    The environment must name an endpoint of DynamoDB.

    Raises:
        CalledProcessError: one of them failed, so that nothing was shown.
    """
    with served_table(Clock(time.time())) as table:
        lines = _run_workers(table.name, "talk", turns)
        kept = [turn.text for turn in table.sessions.turns("talk") if turn.role == "user"]
        _run_workers(table.name, "once", 1)
        once = [turn.text for turn in table.sessions.turns("once") if turn.role == "user"]
    answered = [text for text, _, _, is_answered in lines if is_answered]
    times = sorted((started, ended) for _, started, ended, _ in lines)
    return ConcurrencyResult(
        answered=len(answered),
        lost=sum(kept.count(text) != 1 for text in answered),
        degraded=len(lines) - len(answered),
        overlapped=sum(second[0] < first[1] for first, second in pairwise(times)),
        commits=len(once),
    )


def _run_workers(table: str, session_id: str, turns: int) -> list[tuple[str, float, float, bool]]:
    begin = str(time.time() + START_SECONDS)
    command = [sys.executable, "-m", "tests.simulation.concurrent_worker", table, session_id]
    processes = [
        subprocess.Popen(
            [*command, str(number), str(turns), begin],
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
