"""Projects with a different structure."""

from pathlib import Path

import pytest

from tests.unit.local.cli.command import Run

FUNCTION = """
Resources:
  Bot:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: .
      Handler: bot.answer
      Events: {Http: {Type: HttpApi, Properties: {Method: POST, Path: /bot}}}
"""
BOT = """
import json

def answer(event, context):
    session = json.loads(event["body"])["session"]
    return {"type": "speak", "session_id": session["id"], "text": "I am plain"}
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "template.yaml").write_text(FUNCTION)
    (tmp_path / "bot.py").write_text(BOT)
    (tmp_path / "call.jsonl").write_text('{"type": "session_start"}')
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.usefixtures("project")
def test_a_function_without_the_layer_can_be_called(run: Run) -> None:
    finished = run("play", "call.jsonl")
    assert (finished.code, finished.err) == (0, "")
    assert "agent  I am plain" in finished.out
    assert "kept" not in finished.out


def test_an_agent_without_an_http_route_cannot_be_called(run: Run, project: Path) -> None:
    (project / "template.yaml").write_text(FUNCTION.replace("HttpApi", "Api"))
    finished = run("play", "call.jsonl")
    assert (finished.code, finished.out) == (1, "")
    assert "no function with an HTTP route" in finished.err


def test_sample_events_are_written_into_the_project(run: Run, project: Path) -> None:
    finished = run("event", "--all")
    assert finished.code == 0
    assert "events/http/user_speak.json" in finished.out.splitlines()
    assert (project / "events/user_speak.json").exists()
