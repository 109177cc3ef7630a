"""`aiflow play --url` with event scripts: other bots and all kinds of failures."""

import json
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event

import pytest

from tests.helpers.web_bots import (
    Bot,
    Request,
    answering,
    hanging_up,
    serving,
    stopping_half_way,
    talking_something_else,
    waiting,
)
from tests.unit.local.cli.command import Finished, Run

EVENTS = """
{"type": "session_start", "session": {"id": "s-1"}}
{"type": "session_end", "session": {"id": "s-1"}}
"""
SPEAK = {"type": "speak", "session_id": "s-1", "text": "Hello"}


@pytest.fixture
def play(run: Run, tmp_path: Path) -> Callable[..., Finished]:
    """Play two events to a bot."""
    script = tmp_path / "call.jsonl"
    script.write_text(EVENTS)

    def play(bot: Bot, *options: str) -> Finished:
        with serving(bot) as url:
            return run("play", str(script), "--url", url, *options)

    return play


def errors(finished: Finished) -> list[str]:
    lines = [line.strip() for line in finished.out.splitlines()]
    return [line.removeprefix("error").strip() for line in lines if line.startswith("error")]


@pytest.mark.parametrize(
    ("bot", "message"),
    [
        (answering({}, 500), "/status is 500, but must be 200 or 204; the bot failed"),
        (answering({}, 401), "/status is 401, but must be 200 or 204; the API token is"),
        (answering({}, 404), "/status is 404, but must be 200 or 204; nothing is served"),
        (answering({}, 302, location="/elsewhere"), "redirects are not followed"),
        (answering({}, 418), "/status is 418, but must be 200 or 204 [bad_status]"),
        (answering(b"<html>", 200, "text/html"), "/body must be an action, but is a web page"),
        (answering(b"sorry"), "/body must be an action as JSON"),
        (answering(b"\xff"), "answered with a body that is not UTF-8, so not JSON"),
        (answering(b""), "/body must be an action"),
        (answering({"success": True}), "/body/type is missing"),
        (answering({"type": "sing", "session_id": "s-1"}), "/body/type is not an action type"),
        (answering({**SPEAK, "session_id": "s-2"}), "/body/session_id must be session.id"),
        (answering(b" " * (11 * 1024 * 1024)), "answered with more than 10 MB"),
        (hanging_up, "broke off"),
        (stopping_half_way, "broke off"),
        (talking_something_else, "broke off"),
    ],
)
def test_each_broken_answer_is_printed_in_one_line_and_the_script_continues(
    play: Callable[..., Finished], bot: Bot, message: str
) -> None:
    finished = play(bot)
    assert (finished.code, finished.err) == (1, "")
    assert len(errors(finished)) == 2
    assert all(message in error for error in errors(finished))
    assert "2 events, " in finished.out


@pytest.fixture
def never() -> Iterator[Event]:
    """An event that is set after the test."""
    event = Event()
    yield event
    event.set()


def test_a_bot_that_takes_too_long_times_out(play: Callable[..., Finished], never: Event) -> None:
    finished = play(waiting(never, 0), "--timeout", "0.1")
    assert (finished.code, finished.err) == (1, "")
    assert errors(finished) == ["did not answer within 0.1 s [timeout]"] * 2


def test_a_bot_that_sends_slowly_times_out_as_well(
    play: Callable[..., Finished], never: Event
) -> None:
    finished = play(waiting(never, 0.02), "--timeout", "0.1")
    assert errors(finished) == ["did not answer within 0.1 s [timeout]"] * 2


def test_an_address_without_a_server_ends_the_script(run: Run, tmp_path: Path) -> None:
    script = tmp_path / "call.jsonl"
    script.write_text(EVENTS)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    finished = run("play", str(script), "--url", f"http://127.0.0.1:{port}/webhook")
    assert finished.code == 1
    assert "no server answers at this address" in finished.out
    assert "1 of 2 events" in finished.out


def test_a_good_bot_passes_and_gets_what_ai_flow_sends(play: Callable[..., Finished]) -> None:
    seen: list[tuple[str | None, ...]] = []

    def bot(request: Request) -> None:
        names = ("content-type", "x-api-token")
        seen.append((request.path, *(request.headers.get(name) for name in names)))
        answering(SPEAK)(request)

    finished = play(bot, "--token", "secret")
    assert (finished.code, errors(finished)) == (0, [])
    assert "agent  Hello" in finished.out
    assert seen == [("/webhook", "application/json", "secret")] * 2


def test_a_warning_is_shown_and_passes(play: Callable[..., Finished]) -> None:
    finished = play(answering([]))
    assert finished.code == 0
    assert "warning  /body does nothing" in finished.out


def test_control_characters_of_a_bot_are_not_printed(play: Callable[..., Finished]) -> None:
    finished = play(answering({**SPEAK, "text": "\x1b[2J\x07\u202e[red]x" + "y" * 100_000}))
    assert "\x1b" not in finished.out
    assert "\u202e" not in finished.out
    assert "[red]x" in finished.out
    assert max(map(len, finished.out.splitlines())) < 2100


def test_json_lines_tell_what_went_wrong(play: Callable[..., Finished]) -> None:
    finished = play(answering({}, 500), "--json")
    first, _ = map(json.loads, finished.out.splitlines())
    assert finished.code == 1
    assert [*first] == ["event", "status", "ms", "actions", "problems", "changes"]
    assert (first["status"], first["problems"][0]["code"]) == (500, "bad_status")
