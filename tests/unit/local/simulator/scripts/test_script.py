"""Event scripts: how they are read, and what makes them unreadable."""

import json
from pathlib import Path

import pytest

from aiflow_local.errors import Unreadable
from aiflow_local.simulator.scripts.player import session_id_of
from aiflow_local.simulator.scripts.script import read_script
from tests.unit.local.cli.command import Run


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "call.jsonl"


def write(file: Path, *lines: str) -> str:
    file.write_text("\n".join(lines), encoding="utf-8")
    return str(file)


def test_blank_lines_and_comments_are_left_out(file: Path) -> None:
    path = write(file, "# a call", "", '{"type": "session_start"}', "  # over", "   ")
    assert [event["type"] for event in read_script(path).events] == ["session_start"]


def test_events_without_a_session_share_one_that_is_new_with_each_run(file: Path) -> None:
    path = write(file, '{"type": "session_start"}', '{"type": "session_end", "session": {}}')
    first, second = read_script(path), read_script(path)
    ids = [[session_id_of(event) for event in script.events] for script in (first, second)]
    assert ids[0][0] == ids[0][1] != ids[1][0] == ids[1][1]
    assert isinstance(first.events[0]["session"], dict)
    assert len(first.events[0]["session"]) == 6


def test_a_session_of_its_own_is_unchanged(file: Path) -> None:
    event = {"type": "user_speak", "session": {"id": "s-1"}, "text": "Hello"}
    assert read_script(write(file, json.dumps(event))).events == (event,)


def test_members_of_a_session_can_be_given_without_its_id(file: Path) -> None:
    line = '{"type": "session_start", "session": {"from_phone_number": ""}}'
    session = read_script(write(file, line)).events[0]["session"]
    assert isinstance(session, dict)
    assert session["from_phone_number"] == ""
    assert session["id"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"type": "session_start"', r"call.jsonl, line 2: is not JSON: .* \(line 1, column 25\)"),
        ("[]", "line 2: is JSON, but not an object"),
        ("{}", "line 2: is not an event: .*type"),
        ('{"type": "session_start", "session": {"id": ""}}', "line 2: is not an event: .*session"),
        ('{"type": "session_start", "session": 5}', "line 2: is not an event: .*session"),
    ],
)
def test_an_invalid_line_is_reported_with_its_number(file: Path, line: str, message: str) -> None:
    with pytest.raises(Unreadable, match=message):
        read_script(write(file, "# one", line))


@pytest.mark.parametrize("lines", [[], ["", "# nothing"]])
def test_a_script_without_events_is_rejected(file: Path, lines: list[str]) -> None:
    with pytest.raises(Unreadable, match="no events"):
        read_script(write(file, *lines))


def test_an_invalid_script_exits_with_2_and_one_line(run: Run, file: Path) -> None:
    finished = run("play", write(file, "sing"))
    assert (finished.code, finished.out) == (2, "")
    assert finished.err.startswith("aiflow: call.jsonl, line 1: is not JSON")
    missing = run("play", str(file.with_name("missing.jsonl")))
    assert (missing.code, len(missing.err.splitlines())) == (2, 1)


@pytest.mark.parametrize(
    "url",
    [
        *("", "agent", "ftp://agent.example.com/", "http://", "http://[::1", "http://xn--/"),
        *("http://127.0.0.1:0/", "http://127.0.0.1:65536/", "http://127.0.0.1:-1/"),
    ],
)
def test_an_invalid_url_exits_with_2(run: Run, file: Path, url: str) -> None:
    finished = run("play", write(file, '{"type": "session_start"}'), "--url", url)
    assert (finished.code, finished.out) == (2, "")
    assert len(finished.err.splitlines()) == 1


def test_parameters_are_for_the_agent_of_this_project_only(run: Run, file: Path) -> None:
    path = write(file, '{"type": "session_start"}')
    finished = run("play", path, "--url", "http://127.0.0.1", "--parameter", "A=1")
    assert finished.code == 2
    assert "--url" in finished.err
