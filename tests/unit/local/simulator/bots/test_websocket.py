"""The connection to a bot at a WebSocket URL: real sockets and all kinds of failures."""

import socket
from collections.abc import Iterator
from threading import Event, Semaphore
from typing import Any

import pytest

from aiflow_local.errors import Unreadable
from aiflow_local.simulator.bots.response_wait import NoWait, WaitUntilProcessed, WaitUntilQuiet
from aiflow_local.simulator.bots.websocket import WebSocketConnection
from aiflow_local.simulator.engine.bot_connection import (
    DeliveryFailure,
    NoResponse,
    WebSocketMessage,
)
from aiflow_local.simulator.engine.caller import PhoneCall
from aiflow_local.simulator.engine.options import ServiceOptions
from aiflow_local.simulator.engine.parties import CallParties
from aiflow_local.simulator.engine.transcript import EntryKind
from tests.helpers.socket_bots import (
    BotConnection,
    Json,
    SocketBot,
    Talk,
    Thinking,
    act,
    broken_off,
    closing,
    conversing,
    flooding,
    sending,
    serving_socket,
    speak,
)
from tests.helpers.web_bots import answering, hanging_up, serving, talking_something_else

GOOD = conversing("Hello", "session_start", "user_speak")
EVENT: dict[str, Any] = {"type": "session_start", "session": {"id": "s-1"}}
SPEAK = {"type": "speak", "session_id": "s-1", "text": "Hello"}
TOKEN = "secret"
PATIENT = ServiceOptions(answer_deadline_ms=60_000, quiet_ms=0)


def called(bot: SocketBot, token: str | None = TOKEN, **options: object) -> PhoneCall:
    """Call a bot, speak once, and hang up; waits until the bot has processed each event."""
    behaviour = ServiceOptions.model_validate({"answer_deadline_ms": 60_000, **options})
    exact = WaitUntilProcessed(bot.settled)
    with (
        serving_socket(bot) as url,
        WebSocketConnection(url, token, behaviour, exact) as connection,
    ):
        call = PhoneCall(connection, behaviour, CallParties(session_id="s-1"))
        call.begin()
        call.says("hello")
        call.settle()
        call.hangs_up()
    return call


def problem_lines(call: PhoneCall) -> list[str]:
    return [f"{problem.path} {problem.message} [{problem.code}]" for problem in call.problems]


def notes(call: PhoneCall) -> list[str]:
    return [entry.text for entry in call.transcript.of(EntryKind.NOTE)]


class TestAGoodBot:
    def test_its_actions_are_executed_and_it_gets_what_the_service_sends(self) -> None:
        bot = SocketBot(GOOD)
        call = called(bot)
        assert call.problems == []
        assert call.heard == ["Hello", "Hello"]
        assert [headers["x-api-token"] for headers in bot.headers] == ["secret"]
        assert "sec-websocket-extensions" not in bot.headers[0]

    def test_it_gets_user_speech_started_before_user_speak(self) -> None:
        bot = SocketBot(GOOD)
        called(bot)
        told = bot.told
        assert told.count("user_speech_started") == 1
        assert told.index("user_speak") == told.index("user_speech_started") + 1

    def test_the_connection_is_closed_after_the_end_of_the_call(self) -> None:
        bot = SocketBot(GOOD)
        called(bot)
        assert bot.told[-1] == "session_end"
        assert bot.closed == [1000]

    def test_it_is_closed_without_a_session_end_as_well(self) -> None:
        bot = SocketBot(GOOD)
        with serving_socket(bot) as url, WebSocketConnection(url, None, PATIENT) as connection:
            connection.send(EVENT)
        assert bot.closed == [1000]

    def test_without_a_token_no_header_is_sent(self) -> None:
        bot = SocketBot(GOOD)
        called(bot, token=None)
        assert "x-api-token" not in bot.headers[0]

    def test_several_actions_come_in_one_message_or_in_several(self) -> None:
        def talk(line: BotConnection, event: Json) -> None:
            if event["type"] == "session_start":
                line.send([speak(event, "one"), speak(event, "two")])
                line.send(speak(event, "three"))

        call = called(SocketBot(talk))
        assert call.problems == []
        assert call.heard == ["one", "two", "three"]
        assert [entry.text for entry in call.transcript.of(EntryKind.MESSAGE)] == ["unsolicited"]

    def test_no_message_is_not_an_error(self) -> None:
        call = called(SocketBot(sending()))
        assert call.problems == []
        assert {entry.text for entry in call.transcript.of(EntryKind.ANSWER)} == {"no message"}

    def test_an_empty_array_has_a_warning(self) -> None:
        assert problem_lines(called(SocketBot(sending([])))) == [
            " has no effect: send no message if there is nothing to do [empty_array]"
        ]


class TestWithoutKnowledgeOfTheBot:
    def test_an_expected_answer_is_waited_for(self) -> None:
        with (
            serving_socket(SocketBot(GOOD)) as url,
            WebSocketConnection(url, None, PATIENT) as connection,
        ):
            outcome = connection.send(EVENT)
        assert isinstance(outcome, WebSocketMessage)
        assert outcome.ms is not None

    def test_an_ignored_message_is_not_the_expected_answer(self) -> None:
        bot = SocketBot(sending({"type": "connected"}, SPEAK))
        with serving_socket(bot) as url, WebSocketConnection(url, None, PATIENT) as connection:
            outcomes = [connection.send(EVENT), *connection.take_unsolicited()]
        assert [isinstance(one, WebSocketMessage) and one.ms is None for one in outcomes] == [
            True,
            False,
        ]

    def test_the_wait_ends_at_the_deadline(self) -> None:
        hasty = WaitUntilQuiet(ServiceOptions(answer_deadline_ms=1, quiet_ms=0))
        with (
            serving_socket(SocketBot(sending())) as url,
            WebSocketConnection(url, None, PATIENT, hasty) as connection,
        ):
            assert connection.send(EVENT) == NoResponse()

    def test_messages_without_a_pause_are_all_received(self) -> None:
        def talk(line: BotConnection, event: Json) -> None:
            line.send(speak(event, "one"))
            asked.wait()
            line.send(speak(event, "two"))
            line.close(1001)

        asked = Event()
        long = ServiceOptions(answer_deadline_ms=600_000, quiet_ms=600_000)
        with (
            serving_socket(SocketBot(talk)) as url,
            WebSocketConnection(url, None, long, None, asked.set) as connection,
        ):
            came = [connection.send(EVENT), *connection.take_unsolicited()]
        assert [type(one) for one in came] == [WebSocketMessage, WebSocketMessage, DeliveryFailure]

    def test_in_real_time_there_is_no_wait_and_an_answer_is_assigned_to_its_event(self) -> None:
        rung = Semaphore(0)
        bot = SocketBot(conversing("Hello", "session_start"))
        with (
            serving_socket(bot) as url,
            WebSocketConnection(url, None, PATIENT, NoWait(), rung.release) as connection,
        ):
            assert connection.send(EVENT) == NoResponse(answer_pending=True)
            rung.acquire()
            (answer,) = connection.take_unsolicited()
            assert connection.send({**EVENT, "type": "dtmf_received"}) == NoResponse()
        assert isinstance(answer, WebSocketMessage)
        assert answer.ms is not None

    @pytest.mark.parametrize("name", ["user_speech_started", "session_end"])
    def test_an_answer_that_the_service_ignores_is_not_waited_for(self, name: str) -> None:
        never = ServiceOptions(answer_deadline_ms=600_000, quiet_ms=600_000)
        with (
            serving_socket(SocketBot(sending())) as url,
            WebSocketConnection(url, None, never) as connection,
        ):
            assert connection.send({**EVENT, "type": name}) == NoResponse()


class TestWhatComesLater:
    @pytest.fixture
    def thinking(self) -> Iterator[Thinking]:
        bot = Thinking()
        yield bot
        bot.join()

    def test_it_is_executed_at_the_next_step_of_the_call(self, thinking: Thinking) -> None:
        bot, rung = SocketBot(thinking), Semaphore(0)
        exact = WaitUntilProcessed(bot.settled)
        with (
            serving_socket(bot) as url,
            WebSocketConnection(url, None, PATIENT, exact, rung.release) as connection,
        ):
            call = PhoneCall(connection, PATIENT)
            call.begin()
            call.says("hello")
            call.settle()
            assert call.heard == ["One moment"]
            rung.acquire()
            thinking.done.set()
            rung.acquire()
            call.settle()
            assert call.heard == ["One moment", "It is done"]
            assert call.transcript.of(EntryKind.MESSAGE)[0].data["body"].endswith('"It is done"}')
            call.hangs_up()

    def test_it_is_executed_before_the_next_event_is_sent(self, thinking: Thinking) -> None:
        bot, rung = SocketBot(thinking), Semaphore(0)
        exact = WaitUntilProcessed(bot.settled)
        with (
            serving_socket(bot) as url,
            WebSocketConnection(url, None, PATIENT, exact, rung.release) as connection,
        ):
            call = PhoneCall(connection, PATIENT)
            call.begin()
            call.says("hello")
            rung.acquire()
            thinking.done.set()
            rung.acquire()
            call.presses_now("1")
            kinds = [entry.kind for entry in call.transcript.entries]
            assert kinds.index(EntryKind.MESSAGE) < len(kinds) - 1 - kinds[::-1].index(
                EntryKind.EVENT
            )
            call.hangs_up()

    def test_it_is_not_executed_while_a_transfer_rings(self) -> None:
        def talk(line: BotConnection, event: Json) -> None:
            if event["type"] == "user_speak":
                target = {"target_phone_number": "493023125002", "caller_id_name": "A"}
                line.send(act(event, "transfer", caller_id_number="493023125003", **target))
                line.send(speak(event, "too late"))

        call = called(SocketBot(talk))
        assert [action.type for action in call.actions] == ["transfer"]
        assert "the agent is out of the call: its actions are ignored" in notes(call)


@pytest.mark.parametrize(
    ("talk", "message"),
    [
        (sending("sorry"), " must be an action as JSON, but is not JSON [not_json]"),
        (sending(""), " must be an action as JSON, but is empty [not_json]"),
        (sending('{"a":1,"a":2}'), "is ambiguous JSON [not_json]"),
        (sending("[" * 100_000), "is nested too deeply [not_json]"),
        (sending("null"), " must be an action: a JSON object with type"),
        (sending(b"\x00"), " is a binary message: actions are JSON in text messages [binary]"),
        (sending({**SPEAK, "type": "sing"}), "/type is not an action type"),
        (sending([SPEAK, {**SPEAK, "session_id": "s-2"}]), "/1/session_id must be session.id"),
        (sending({"type": "speak", "text": "Hi"}), "/session_id"),
        (sending([SPEAK] * 300), " has 300 actions: only the first 200"),
        (sending({"type": "connected"}), " is not an action: the service ignores it"),
        (sending({"error": "sorry"}), " is not an action: the service ignores it"),
        (
            sending({"message": "Internal server error", "connectionId": "c=", "requestId": "r="}),
            ' is an error of API Gateway, "Internal server error": see the log',
        ),
    ],
)
def test_each_invalid_message_is_reported_in_one_line_and_the_call_continues(
    talk: Talk, message: str
) -> None:
    bot = SocketBot(talk)
    call = called(bot)
    assert len(problem_lines(call)) == 1
    assert message in problem_lines(call)[0]
    assert "\n" not in problem_lines(call)[0]
    assert bot.told[-2:] == ["user_speak", "session_end"]


@pytest.mark.parametrize(
    ("message", "severity"),
    [
        ({"type": "connected"}, "warning"),
        ({"error": "sorry"}, "warning"),
        ({"message": "Forbidden", "connectionId": "c=", "requestId": "r="}, "error"),
        ("sorry", "error"),
        (b"\x00", "error"),
    ],
)
def test_only_harmless_messages_are_warnings(message: object, severity: str) -> None:
    assert [each.severity for each in called(SocketBot(sending(message))).problems] == [severity]


def test_a_bot_may_send_ignored_messages_and_gets_one_warning() -> None:
    def talk(line: BotConnection, _: Json) -> None:
        line.send({"type": "connected"})

    assert [problem.code for problem in called(SocketBot(talk)).problems] == ["chatter"]


LOST = [
    (closing(1000), " closed the connection, 1000 (OK) [closed]"),
    (closing(1001), "1001 (going away); API Gateway does so after 2 hours"),
    (closing(1009), "1009 (message too big): an event was too large [closed]"),
    (closing(4000, "bye"), "bye [closed]"),
    (broken_off, " broke off [broken_off]"),
    (sending("x" * (128 * 1024 + 1)), " sent a message of more than 128 KB"),
    (flooding, " sent 200 messages without a pause: the simulator closed the connection [flood]"),
]


class TestALostConnection:
    @pytest.mark.parametrize(("talk", "message"), LOST)
    def test_it_is_reported_in_one_line_and_replaced_at_the_next_event(
        self, talk: Talk, message: str
    ) -> None:
        bots = [talk]

        def once(line: BotConnection, event: Json) -> None:
            (bots.pop() if bots else GOOD)(line, event)

        bot = SocketBot(once)
        with serving_socket(bot) as url, WebSocketConnection(url, "secret", PATIENT) as connection:
            call = PhoneCall(connection, PATIENT, CallParties(session_id="s-1"))
            call.begin()
            call.says("hello")
            call.settle()
            call.hangs_up()
        assert len(problem_lines(call)) == 1
        assert message in problem_lines(call)[0]
        assert call.heard == ["Hello"]
        assert [headers["x-api-token"] for headers in bot.headers] == ["secret", "secret"]
        assert {event["session"]["id"] for event in bot.events} == {"s-1"}

    @pytest.mark.parametrize(("talk", "message"), LOST)
    def test_it_may_end_the_call(self, talk: Talk, message: str) -> None:
        options = PATIENT.model_copy(update={"dropped_connection": "hangup"})
        bot = SocketBot(talk)
        with serving_socket(bot) as url, WebSocketConnection(url, None, options) as connection:
            call = PhoneCall(connection, options, CallParties(session_id="s-1"))
            call.begin()
        assert call.is_over
        assert len(problem_lines(call)) == 1
        assert message in problem_lines(call)[0]
        assert notes(call)[-2:] == ["the service ends the call", "the call is over"]
        assert len(bot.headers) == 1

    def test_an_event_may_be_sent_again_over_the_new_one(self) -> None:
        bots = [closing(1001)]

        def once(line: BotConnection, event: Json) -> None:
            (bots.pop() if bots else GOOD)(line, event)

        options = PATIENT.model_copy(update={"failed_requests": "repeat"})
        bot = SocketBot(once)
        with serving_socket(bot) as url, WebSocketConnection(url, None, options) as connection:
            call = PhoneCall(connection, options)
            call.begin()
            call.hangs_up()
        assert bot.told[:2] == ["session_start", "session_start"]
        assert call.heard == [""]

    def test_a_message_of_128_kb_is_accepted_as_on_api_gateway(self) -> None:
        text = " " * (128 * 1024 - 2) + "[]"
        assert [each.code for each in called(SocketBot(sending(text))).problems] == ["empty_array"]


class TestWhereNoCallCanBegin:
    @pytest.mark.parametrize(
        ("status", "message"),
        [
            (401, "refused the connection with 401; the API token is missing or wrong"),
            (403, "refused the connection with 403; the API token or the path is wrong"),
            (404, "refused the connection with 404; nothing is served at this path"),
            (500, "refused the connection with 500 [refused]"),
            (200, "refused the connection with 200; the server answers with HTTP, not WebSocket"),
        ],
    )
    def test_a_refused_connection_is_reported_and_ends_the_call(
        self, status: int, message: str
    ) -> None:
        with serving_socket(SocketBot(GOOD, status)) as url:
            call = begun(url)
        assert call.is_over
        assert len(problem_lines(call)) == 1
        assert message in problem_lines(call)[0]

    @pytest.mark.parametrize("location", ["ws://127.0.0.1:9/", "http://127.0.0.1:9/", "/x"])
    def test_a_redirect_is_not_followed(self, location: str) -> None:
        bot = SocketBot(GOOD, 307, location=location)
        with serving_socket(bot) as url:
            call = begun(url)
        assert (
            "refused the connection with 307; redirects are not followed" in problem_lines(call)[0]
        )
        assert len(bot.headers) == 1

    def test_a_connection_that_does_not_open_times_out(self) -> None:
        soon = ServiceOptions(answer_deadline_ms=100)
        with socket.create_server(("127.0.0.1", 0)) as silent:
            url = f"ws://127.0.0.1:{silent.getsockname()[1]}/"
            with WebSocketConnection(url, None, soon) as connection:
                outcome = connection.send(EVENT)
        assert isinstance(outcome, DeliveryFailure)
        assert (outcome.code, outcome.is_permanent) == ("timeout", True)

    @pytest.mark.parametrize("bot", [hanging_up, talking_something_else, answering({})])
    def test_another_protocol_is_reported(self, bot: Any) -> None:  # noqa: ANN401 - two kinds
        with serving(bot) as url:
            call = begun(url.replace("http://", "ws://"))
        assert call.is_over
        assert len(problem_lines(call)) == 1

    def test_an_untrusted_tls_server_gets_no_events(self) -> None:
        with serving(talking_something_else) as url:
            call = begun(url.replace("http://", "wss://"))
        assert "has no trusted TLS certificate" in problem_lines(call)[0]
        assert call.is_over

    def test_an_address_without_a_server_is_reported(self) -> None:
        with serving_socket(SocketBot(GOOD)) as url:
            pass
        call = begun(url)
        assert "no server answers at this address" in problem_lines(call)[0]
        assert "[no_connection]" in problem_lines(call)[0]

    @pytest.mark.parametrize(
        "url",
        [
            *("bot.example.com", "http://127.0.0.1/", "ws://", "ws://[", "ws://127.0.0.1:0/"),
            *("wss://127.0.0.1:99999/", "ws://127.0.0.1/#there", "ws://somebody@127.0.0.1/"),
        ],
    )
    def test_an_invalid_url_is_rejected(self, url: str) -> None:
        with pytest.raises(Unreadable):
            WebSocketConnection(url, None, ServiceOptions())


def begun(url: str) -> PhoneCall:
    """Start a call."""
    with WebSocketConnection(url, "secret", PATIENT) as connection:
        call = PhoneCall(connection, PATIENT)
        call.begin()
    return call


def test_failures_have_their_duration() -> None:
    with (
        serving_socket(SocketBot(closing(1001))) as url,
        WebSocketConnection(url, None, PATIENT) as connection,
    ):
        outcome = connection.send(EVENT)
    assert isinstance(outcome, DeliveryFailure)
    assert outcome.ms > 0
