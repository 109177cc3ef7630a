"""The door to a bot at a URL: real sockets, and everything that can be wrong behind them."""

from collections.abc import Iterator
from threading import Event, Thread
from typing import Any

import pytest

from aiflow_local.errors import Unreadable
from aiflow_local.simulator.bots.http import UrlDoor
from aiflow_local.simulator.engine.bot_port import Answered, Failed
from aiflow_local.simulator.engine.caller import PhoneCall
from aiflow_local.simulator.engine.options import Switches
from aiflow_local.simulator.engine.parties import Party
from tests.helpers.web_bots import (
    Bot,
    Request,
    answering,
    conversing,
    hanging_up,
    serving,
    stopping_half_way,
    talking_something_else,
    waiting,
)

SPEAK = {"type": "speak", "session_id": "s-1", "text": "Hello"}
GOOD = conversing("Hello", "session_start", "user_speak")
EVENT: dict[str, Any] = {"type": "session_start", "session": {"id": "s-1"}}
SOON_MS = 100


def called(bot: Bot, **switches: object) -> PhoneCall:
    """Call a bot, say something, and hang up."""
    behaviour = Switches.model_validate(switches)
    with serving(bot) as url, UrlDoor(url, "secret", behaviour.answer_deadline_ms) as door:
        call = PhoneCall(door, behaviour, Party(session_id="s-1"))
        call.begin()
        call.says("hello")
        call.settle()
        call.hangs_up()
    return call


def told(call: PhoneCall) -> list[str]:
    return [f"{problem.path} {problem.message} [{problem.code}]" for problem in call.problems]


class Listening:
    """A bot that takes down what it is sent."""

    def __init__(self, bot: Bot) -> None:
        self.headers: list[dict[str, str]] = []
        self._bot = bot

    def __call__(self, request: Request) -> None:
        self.headers.append({name.lower(): value for name, value in request.headers.items()})
        self._bot(request)


def test_a_good_bot_is_obeyed_and_gets_what_ai_flow_sends() -> None:
    bot = Listening(GOOD)
    call = called(bot)
    assert call.problems == []
    assert call.heard == ["Hello", "Hello"]
    assert {headers["x-api-token"] for headers in bot.headers} == {"secret"}
    assert {headers["content-type"] for headers in bot.headers} == {"application/json"}


def test_without_a_token_none_is_sent() -> None:
    bot = Listening(GOOD)
    with serving(bot) as url, UrlDoor(url, None, 5000) as door:
        assert isinstance(door.send(EVENT), Answered)
    assert "x-api-token" not in bot.headers[0]


@pytest.mark.parametrize(
    ("bot", "message"),
    [
        (answering({}, 500), "/status is 500, but must be 200"),
        (answering({}, 401), "/status is 401, but must be 200"),
        (answering({}, 302, location="/webhook"), "redirects are not followed"),
        (answering(b"<html>", 200, "text/html"), "/body must be an action"),
        (answering(b"sorry"), "/body must be an action"),
        (answering(b"\xff"), "is not UTF-8, and so not JSON [not_json]"),
        (answering(b""), "/body must be an action"),
        (answering({**SPEAK, "type": "sing"}), "/body/type is not an action type"),
        (answering(b"{" * 100_000), "/body must be an action"),
        (answering({**SPEAK, "session_id": "s-2"}), "/body/session_id must be session.id"),
        (answering(b" " * (11 * 1024 * 1024)), "answered with more than 10 MB [too_large]"),
        (hanging_up, "broke off: "),
        (stopping_half_way, "broke off: "),
        (talking_something_else, "broke off: "),
    ],
)
def test_each_broken_answer_is_told_and_the_call_goes_on_to_its_end(bot: Bot, message: str) -> None:
    call = called(bot)
    assert any(message in line for line in told(call))
    assert "\n" not in "".join(told(call))
    names = [event["type"] for event in events(call)]
    assert names == ["session_start", "user_speak", "session_end"]


def events(call: PhoneCall) -> list[dict[str, Any]]:
    return [entry.data["event"] for entry in call.transcript.entries if "event" in entry.data]


def test_a_redirect_is_not_followed_however_often_it_is_given() -> None:
    bot = Listening(answering({}, 307, location="/webhook"))
    call = called(bot)
    assert len(bot.headers) == len(events(call)) == 3


@pytest.fixture
def never() -> Iterator[Event]:
    """An event that does not happen before the test is over."""
    event = Event()
    yield event
    event.set()


@pytest.mark.parametrize("drip_seconds", [0, 0.02])
def test_a_bot_that_does_not_come_to_its_end_is_given_up(never: Event, drip_seconds: float) -> None:
    call = called(waiting(never, drip_seconds), answer_deadline_ms=SOON_MS)
    assert told(call) == [" did not answer within 0.1 s [timeout]"] * 3


def test_a_bot_that_dies_in_the_middle_of_a_call_fails_from_then_on() -> None:
    def bot(request: Request) -> None:
        (GOOD if request.event["type"] == "session_start" else hanging_up)(request)

    call = called(bot)
    assert call.heard == ["Hello"]
    failed = [event["type"] for event in events(call)][1:]
    assert failed == ["assistant_speak", "assistant_speech_ended", "user_speak", "session_end"]
    assert [problem.code for problem in call.problems] == ["broken_off"] * 4


def test_where_nobody_listens_that_is_told() -> None:
    with serving(hanging_up) as url:
        pass
    with UrlDoor(url, None, 5000) as door:
        outcome = door.send(EVENT)
    assert isinstance(outcome, Failed)
    assert outcome.code == "no_connection"
    assert "nobody answers at this address" in outcome.reason


def test_a_failed_request_is_sent_again_if_the_service_would_do_so() -> None:
    bots = [hanging_up]

    def bot(request: Request) -> None:
        (bots.pop() if bots else GOOD)(request)

    call = called(bot, failed_requests="repeat")
    assert [problem.code for problem in call.problems] == ["broken_off"]
    assert call.heard == ["Hello", "Hello"]


@pytest.mark.parametrize(
    "url",
    [
        *("bot.example.com", "ftp://bot.example.com/", "http://", "http://[", "http://\x00/"),
        *("http://127.0.0.1:99999/", "http://127.0.0.1:0/", "http://xn--.example.com/"),
    ],
)
def test_what_is_no_url_is_refused(url: str) -> None:
    with pytest.raises(Unreadable):
        UrlDoor(url, None, 5000)


def test_what_nobody_reads_may_be_written_in_any_alphabet() -> None:
    with serving(answering(b"\xff", 500)) as url, UrlDoor(url, None, 5000) as door:
        outcome = door.send(EVENT)
    assert isinstance(outcome, Answered)
    assert (outcome.status, outcome.body) == (500, "\ufffd")


def test_a_door_stays_open_for_whoever_still_waits_behind_it() -> None:
    asked, released, outcomes = Event(), Event(), list[Answered | Failed]()

    def bot(request: Request) -> None:
        asked.set()
        released.wait()
        answering(SPEAK)(request)

    with serving(bot) as url, UrlDoor(url, None, 60_000) as door:
        waiter = Thread(target=lambda: outcomes.append(door.send(EVENT)))
        waiter.start()
        asked.wait()
        door.__exit__(None, None, None)
        released.set()
        waiter.join()
    assert [type(outcome) for outcome in outcomes] == [Answered]
