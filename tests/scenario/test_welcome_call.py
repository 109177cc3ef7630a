"""The event script that `make call` plays: over HTTP, through the real handlers."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.unit.local.cli.command import Run

ROOT = Path(__file__).parents[2]
WELCOME = str(ROOT / "events" / "calls" / "welcome.jsonl")
OVER_HTTP = {
    "session_start",
    "user_speak",
    "dtmf_received",
    "assistant_speak",
    "assistant_speech_ended",
    "user_input_timeout",
    "session_end",
    "sms_failed",
}


@pytest.fixture
def exchanges(run: Run) -> list[dict[str, Any]]:
    finished = run("play", WELCOME, "--json")
    assert (finished.code, finished.err) == (0, "")
    return [json.loads(line) for line in finished.out.splitlines()]


def test_the_call_has_every_event_that_http_carries(exchanges: list[dict[str, Any]]) -> None:
    assert {exchange["event"]["type"] for exchange in exchanges} == OVER_HTTP


def test_the_conversation_is_as_expected(
    exchanges: list[dict[str, Any]],
) -> None:
    heard = [
        action.get("text", action["type"])
        for exchange in exchanges
        for action in exchange["actions"]
    ]
    assert heard == [
        "Welcome! Tell me what you need, or press 1 for our opening hours.",
        "Are you still there?",
        "You said: Yes, sorry. When are you open?",
        "barge_in",
        "We are open from nine to five.",
        "One moment, I am connecting you.",
        "transfer",
        "I could not reach them. What else can I do for you?",
        "send_sms",
        "I am sending you a summary.",
        "I am sorry, I could not send the message.",
        "configure_transcription",
        "Gerne. Was kann ich für Sie tun?",
        "Goodbye, and thank you for calling.",
        "hangup",
    ]


def test_no_answer_breaks_the_protocol(exchanges: list[dict[str, Any]]) -> None:
    assert [exchange["problems"] for exchange in exchanges] == [[]] * len(exchanges)
    for exchange in exchanges:
        assert exchange["status"] == (200 if exchange["actions"] else 204)


def test_the_stored_values_change_during_the_call(exchanges: list[dict[str, Any]]) -> None:
    statuses = [exchange["changes"].get("status") for exchange in exchanges]
    expected = ["active", "transferring", "active", "hanging_up", "ended"]
    assert [status for status in statuses if status] == expected
    turns = [exchange["changes"].get("state.turns") for exchange in exchanges]
    assert [number for number in turns if number] == [1, 2, 3, 4, 5]


def test_the_conversation_is_printed_as_a_transcript(run: Run) -> None:
    finished = run("play", WELCOME)
    assert (finished.code, finished.err) == (0, "")
    lines = [line.strip() for line in finished.out.splitlines()]
    assert lines[0] == "welcome.jsonl"
    assert any('user_speak "Danke, das war alles. Goodbye!", ' in line for line in lines)
    assert "agent  [transfers the call to 493023125099, waiting 30 s]" in lines
    assert 'kept  status: "transferring", waiting: nothing' in lines
    failure = 'sms_failed reason="The number cannot receive text messages.", '
    assert any(failure in line for line in lines)
    assert lines[-1].startswith("22 events, slowest answer ")
    assert lines[-1].endswith(" ms, no errors, no warnings")
    assert "\x1b" not in finished.out


def test_a_parameter_changes_the_agent(run: Run) -> None:
    finished = run("play", WELCOME, "--parameter", "TransferNumber=+12025550123")
    assert "[transfers the call to 12025550123, waiting 30 s]" in finished.out
