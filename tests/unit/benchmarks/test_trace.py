"""The recorded path of an event."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks.call_recorder import CallRecorder, flattened
from benchmarks.trace import Counts, Line, Trace
from tests.helpers.template import ROOT

SOURCE = """
def leaf(number):
    return number

def numbers():
    yield leaf(1)
    yield 2

def outer():
    leaf(1)
    leaf(2)
    list(numbers())
    return sum(leaf(number) for number in [1])
"""


@pytest.fixture(scope="module")
def path() -> dict[str, Any]:
    """The path of a `user_speak`, recorded in a process of its own: it sets timers of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.trace", "--json"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    recorded: dict[str, Any] = json.loads(done.stdout)
    return recorded


def functions_of(path: dict[str, Any], file: str) -> list[str]:
    return [line["function"] for line in path["lines"] if line["file"] == file]


def lines_of(folder: Path, *, recorded: Path) -> list[str]:
    """Run `outer` of a module in this folder, and return the listing."""
    names: dict[str, Any] = {}
    exec(compile(SOURCE, folder / "module.py", "exec"), names)  # noqa: S102 - the source above
    with CallRecorder([recorded]) as recorder:
        names["outer"]()
    return [
        str(Line(depth, call.file, call.function, call.times))
        for depth, call in flattened(recorder.calls)
    ]


def test_it_ends_with_an_answer_of_the_users_handler(path: dict[str, Any]) -> None:
    assert path["outcome"] == "answered"
    assert functions_of(path, "user_speak/app.py") == ["handle"]


def test_it_loads_before_the_handler_and_commits_after_it(path: dict[str, Any]) -> None:
    order = [
        line["function"]
        for line in path["lines"]
        if line["function"] in {"DynamoDbSessionStore.load", "DynamoDbSessionStore.commit"}
        or line["file"] == "user_speak/app.py"
    ]
    assert order == ["DynamoDbSessionStore.load", "handle", "DynamoDbSessionStore.commit"]
    assert functions_of(path, "sessions/codec.py")


def test_it_goes_through_the_time_limits_of_a_deployed_function(path: dict[str, Any]) -> None:
    assert "sigalrm_timeout" in {line["function"] for line in path["lines"]}


def test_it_counts_its_own_lines(path: dict[str, Any]) -> None:
    counts = path["counts"]
    assert counts["lines"] == len(path["lines"])
    assert counts["files"] == len({line["file"] for line in path["lines"]})
    assert path["counts_without_protocol"]["files"] < counts["files"]


def test_it_counts_a_change_of_file_wherever_two_lines_in_a_row_are_of_different_files() -> None:
    lines = (
        Line(0, "a.py", "f", 1),
        Line(1, "a.py", "g", 2),
        Line(1, "protocol/b.py", "h", 1),
        Line(1, "a.py", "g", 1),
        Line(0, "c.py", "f", 1),
    )
    trace = Trace("user_speak", "http", "app.handler", "answered", lines)
    assert trace.counts == Counts(files=3, changes=3, functions=4, lines=5)
    assert trace.counts_without_protocol == Counts(files=2, changes=1, functions=3, lines=4)


def test_a_listing_is_indented_by_depth_and_collapses_equal_calls_in_a_row(tmp_path: Path) -> None:
    assert lines_of(tmp_path, recorded=tmp_path) == [
        "module.py:outer",
        "  module.py:leaf x2",
        "  module.py:numbers",  # listed once, although it resumes twice
        "    module.py:leaf",
        "  module.py:leaf",  # called by the generator expression
    ]


def test_functions_of_other_folders_are_not_recorded(tmp_path: Path) -> None:
    assert lines_of(tmp_path, recorded=tmp_path / "elsewhere") == []
