"""The connection to a bot at an HTTP URL: real sockets and all kinds of failures."""

from collections.abc import Iterator
from threading import Event, Thread
from typing import Any

import pytest

from aiflow_local.errors import Unreadable
from aiflow_local.simulator.bots.http import HttpConnection
from aiflow_local.simulator.engine.bot_connection import DeliveryFailure, HttpResponse
from aiflow_local.simulator.engine.caller import PhoneCall
from aiflow_local.simulator.engine.options import ServiceOptions
from aiflow_local.simulator.engine.parties import CallParties
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


def called(bot: Bot, **options: object) -> PhoneCall:
    """Call a bot, speak once, and hang up."""
    behaviour = ServiceOptions.model_validate(options)
    with (
        serving(bot) as url,
        HttpConnection(url, "secret", behaviour.answer_deadline_ms) as connection,
    ):
        call = PhoneCall(connection, behaviour, CallParties(session_id="s-1"))
        call.begin()
        call.says("hello")
        call.settle()
        call.hangs_up()
    return call


def problem_lines(call: PhoneCall) -> list[str]:
    return [f"{problem.path} {problem.message} [{problem.code}]" for problem in call.problems]


class Listening:
    """A bot that records its requests."""

    def __init__(self, bot: Bot) -> None:
        self.headers: list[dict[str, str]] = []
        self._bot = bot

    def __call__(self, request: Request) -> None:
        self.headers.append({name.lower(): value for name, value in request.headers.items()})
        self._bot(request)


def test_actions_of_a_good_bot_are_executed_and_it_gets_what_ai_flow_sends() -> None:
    bot = Listening(GOOD)
    call = called(bot)
    assert call.problems == []
    assert call.heard == ["Hello", "Hello"]
    assert {headers["x-api-token"] for headers in bot.headers} == {"secret"}
    assert {headers["content-type"] for headers in bot.headers} == {"application/json"}


def test_without_a_token_no_header_is_sent() -> None:
    bot = Listening(GOOD)
    with serving(bot) as url, HttpConnection(url, None, 5000) as connection:
        assert isinstance(connection.send(EVENT), HttpResponse)
    assert "x-api-token" not in bot.headers[0]


@pytest.mark.parametrize(
    ("bot", "message"),
    [
        (answering({}, 500), "/status is 500, but must be 200"),
        (answering({}, 401), "/status is 401, but must be 200"),
        (answering({}, 302, location="/webhook"), "redirects are not followed"),
        (answering(b"<html>", 200, "text/html"), "/body must be an action"),
        (answering(b"sorry"), "/body must be an action"),
        (answering(b"\xff"), "is not UTF-8, so not JSON [not_json]"),
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
def test_each_broken_answer_is_reported_and_the_call_continues_to_its_end(
    bot: Bot, message: str
) -> None:
    call = called(bot)
    assert any(message in line for line in problem_lines(call))
    assert "\n" not in "".join(problem_lines(call))
    names = [event["type"] for event in events(call)]
    assert names == ["session_start", "user_speak", "session_end"]


def events(call: PhoneCall) -> list[dict[str, Any]]:
    return [entry.data["event"] for entry in call.transcript.entries if "event" in entry.data]


def test_repeated_redirects_are_not_followed() -> None:
    bot = Listening(answering({}, 307, location="/webhook"))
    call = called(bot)
    assert len(bot.headers) == len(events(call)) == 3


@pytest.fixture
def never() -> Iterator[Event]:
    """An event that is set after the test."""
    event = Event()
    yield event
    event.set()


@pytest.mark.parametrize("drip_seconds", [0, 0.02])
def test_an_answer_without_an_end_times_out(never: Event, drip_seconds: float) -> None:
    call = called(waiting(never, drip_seconds), answer_deadline_ms=SOON_MS)
    assert problem_lines(call) == [" did not answer within 0.1 s [timeout]"] * 3


def test_a_bot_that_crashes_during_a_call_fails_from_then_on() -> None:
    def bot(request: Request) -> None:
        (GOOD if request.event["type"] == "session_start" else hanging_up)(request)

    call = called(bot)
    assert call.heard == ["Hello"]
    failed = [event["type"] for event in events(call)][1:]
    assert failed == ["assistant_speak", "assistant_speech_ended", "user_speak", "session_end"]
    assert [problem.code for problem in call.problems] == ["broken_off"] * 4


def test_an_address_without_a_server_is_reported() -> None:
    with serving(hanging_up) as url:
        pass
    with HttpConnection(url, None, 5000) as connection:
        outcome = connection.send(EVENT)
    assert isinstance(outcome, DeliveryFailure)
    assert outcome.code == "no_connection"
    assert "no server answers at this address" in outcome.reason


def test_a_failed_request_is_repeated_if_the_option_says_so() -> None:
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
def test_an_invalid_url_is_rejected(url: str) -> None:
    with pytest.raises(Unreadable):
        HttpConnection(url, None, 5000)


def test_a_body_that_the_service_ignores_may_have_any_encoding() -> None:
    with serving(answering(b"\xff", 500)) as url, HttpConnection(url, None, 5000) as connection:
        outcome = connection.send(EVENT)
    assert isinstance(outcome, HttpResponse)
    assert (outcome.status, outcome.body) == (500, "\ufffd")


def test_a_connection_stays_open_while_another_thread_waits_for_a_response() -> None:
    asked, released, outcomes = Event(), Event(), list[HttpResponse | DeliveryFailure]()

    def bot(request: Request) -> None:
        asked.set()
        released.wait()
        answering(SPEAK)(request)

    with serving(bot) as url, HttpConnection(url, None, 60_000) as connection:
        waiter = Thread(target=lambda: outcomes.append(connection.send(EVENT)))
        waiter.start()
        asked.wait()
        connection.__exit__(None, None, None)
        released.set()
        waiter.join()
    assert [type(outcome) for outcome in outcomes] == [HttpResponse]
