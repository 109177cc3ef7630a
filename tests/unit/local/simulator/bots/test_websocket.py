"""The door to a bot behind a WebSocket: real sockets, and everything that can be wrong there."""

import socket
from collections.abc import Iterator
from threading import Event, Semaphore
from typing import Any

import pytest

from aiflow_local.errors import Unreadable
from aiflow_local.simulator.bots.response_wait import Live, UntilQuiet, UntilSettled
from aiflow_local.simulator.bots.websocket import SocketDoor
from aiflow_local.simulator.engine.bot_port import Failed, Message, Unanswered
from aiflow_local.simulator.engine.caller import PhoneCall
from aiflow_local.simulator.engine.options import Switches
from aiflow_local.simulator.engine.parties import Party
from aiflow_local.simulator.engine.transcript import Kind
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
PATIENT = Switches(answer_deadline_ms=60_000, quiet_ms=0)


def called(bot: SocketBot, token: str | None = TOKEN, **switches: object) -> PhoneCall:
    """Call a bot, say something, and hang up; it is known when the bot is done."""
    behaviour = Switches.model_validate({"answer_deadline_ms": 60_000, **switches})
    exact = UntilSettled(bot.settled)
    with serving_socket(bot) as url, SocketDoor(url, token, behaviour, exact) as door:
        call = PhoneCall(door, behaviour, Party(session_id="s-1"))
        call.begin()
        call.says("hello")
        call.settle()
        call.hangs_up()
    return call


def told(call: PhoneCall) -> list[str]:
    return [f"{problem.path} {problem.message} [{problem.code}]" for problem in call.problems]


def notes(call: PhoneCall) -> list[str]:
    return [entry.text for entry in call.transcript.of(Kind.NOTE)]


class TestAGoodBot:
    def test_it_is_obeyed_and_gets_what_the_service_sends(self) -> None:
        bot = SocketBot(GOOD)
        call = called(bot)
        assert call.problems == []
        assert call.heard == ["Hello", "Hello"]
        assert [headers["x-api-token"] for headers in bot.headers] == ["secret"]
        assert "sec-websocket-extensions" not in bot.headers[0]

    def test_it_is_told_of_a_voice_before_what_was_said(self) -> None:
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

    def test_it_is_closed_when_nobody_is_told_of_the_end_as_well(self) -> None:
        bot = SocketBot(GOOD)
        with serving_socket(bot) as url, SocketDoor(url, None, PATIENT) as door:
            door.send(EVENT)
        assert bot.closed == [1000]

    def test_without_a_token_none_is_sent(self) -> None:
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
        assert [entry.text for entry in call.transcript.of(Kind.MESSAGE)] == ["by itself"]

    def test_silence_is_no_fault(self) -> None:
        call = called(SocketBot(sending()))
        assert call.problems == []
        assert {entry.text for entry in call.transcript.of(Kind.ANSWER)} == {"no message"}

    def test_a_flawless_array_of_nothing_is_warned_of(self) -> None:
        assert told(called(SocketBot(sending([])))) == [
            " does nothing: for nothing to do, send nothing [empty_array]"
        ]


class TestWithoutKnowledgeOfTheBot:
    def test_an_answer_that_the_caller_waits_for_is_waited_for(self) -> None:
        with serving_socket(SocketBot(GOOD)) as url, SocketDoor(url, None, PATIENT) as door:
            outcome = door.send(EVENT)
        assert isinstance(outcome, Message)
        assert outcome.ms is not None

    def test_chatter_is_not_taken_for_that_answer(self) -> None:
        bot = SocketBot(sending({"type": "connected"}, SPEAK))
        with serving_socket(bot) as url, SocketDoor(url, None, PATIENT) as door:
            outcomes = [door.send(EVENT), *door.arrived()]
        assert [isinstance(one, Message) and one.ms is None for one in outcomes] == [True, False]

    def test_nobody_waits_longer_than_until_the_deadline(self) -> None:
        hasty = UntilQuiet(Switches(answer_deadline_ms=1, quiet_ms=0))
        with (
            serving_socket(SocketBot(sending())) as url,
            SocketDoor(url, None, PATIENT, hasty) as door,
        ):
            assert door.send(EVENT) == Unanswered()

    def test_whoever_goes_on_sending_is_listened_to_until_the_end(self) -> None:
        def talk(line: BotConnection, event: Json) -> None:
            line.send(speak(event, "one"))
            asked.wait()
            line.send(speak(event, "two"))
            line.close(1001)

        asked = Event()
        long = Switches(answer_deadline_ms=600_000, quiet_ms=600_000)
        with (
            serving_socket(SocketBot(talk)) as url,
            SocketDoor(url, None, long, None, asked.set) as door,
        ):
            came = [door.send(EVENT), *door.arrived()]
        assert [type(one) for one in came] == [Message, Message, Failed]

    def test_in_real_time_nobody_waits_and_an_answer_is_known_by_its_event(self) -> None:
        rung = Semaphore(0)
        bot = SocketBot(conversing("Hello", "session_start"))
        with (
            serving_socket(bot) as url,
            SocketDoor(url, None, PATIENT, Live(), rung.release) as door,
        ):
            assert door.send(EVENT) == Unanswered(is_open=True)
            rung.acquire()
            (answer,) = door.arrived()
            assert door.send({**EVENT, "type": "dtmf_received"}) == Unanswered()
        assert isinstance(answer, Message)
        assert answer.ms is not None

    @pytest.mark.parametrize("name", ["user_speech_started", "session_end"])
    def test_nobody_waits_at_all_for_an_answer_that_nobody_reads(self, name: str) -> None:
        never = Switches(answer_deadline_ms=600_000, quiet_ms=600_000)
        with serving_socket(SocketBot(sending())) as url, SocketDoor(url, None, never) as door:
            assert door.send({**EVENT, "type": name}) == Unanswered()


class TestWhatComesLater:
    @pytest.fixture
    def thinking(self) -> Iterator[Thinking]:
        bot = Thinking()
        yield bot
        bot.join()

    def test_it_is_obeyed_as_soon_as_the_phone_looks(self, thinking: Thinking) -> None:
        bot, rung = SocketBot(thinking), Semaphore(0)
        exact = UntilSettled(bot.settled)
        with (
            serving_socket(bot) as url,
            SocketDoor(url, None, PATIENT, exact, rung.release) as door,
        ):
            call = PhoneCall(door, PATIENT)
            call.begin()
            call.says("hello")
            call.settle()
            assert call.heard == ["One moment"]
            rung.acquire()
            thinking.done.set()
            rung.acquire()
            call.settle()
            assert call.heard == ["One moment", "It is done"]
            assert call.transcript.of(Kind.MESSAGE)[0].data["body"].endswith('"It is done"}')
            call.hangs_up()

    def test_it_is_obeyed_before_the_next_event_goes_out(self, thinking: Thinking) -> None:
        bot, rung = SocketBot(thinking), Semaphore(0)
        exact = UntilSettled(bot.settled)
        with (
            serving_socket(bot) as url,
            SocketDoor(url, None, PATIENT, exact, rung.release) as door,
        ):
            call = PhoneCall(door, PATIENT)
            call.begin()
            call.says("hello")
            rung.acquire()
            thinking.done.set()
            rung.acquire()
            call.presses_now("1")
            kinds = [entry.kind for entry in call.transcript.entries]
            assert kinds.index(Kind.MESSAGE) < len(kinds) - 1 - kinds[::-1].index(Kind.EVENT)
            call.hangs_up()

    def test_nobody_obeys_while_a_transfer_rings(self) -> None:
        def talk(line: BotConnection, event: Json) -> None:
            if event["type"] == "user_speak":
                target = {"target_phone_number": "493023125002", "caller_id_name": "A"}
                line.send(act(event, "transfer", caller_id_number="493023125003", **target))
                line.send(speak(event, "too late"))

        call = called(SocketBot(talk))
        assert [action.type for action in call.actions] == ["transfer"]
        assert "the agent is out of the call: that is not obeyed" in notes(call)


@pytest.mark.parametrize(
    ("talk", "message"),
    [
        (sending("sorry"), " must be an action as JSON, but is none [not_json]"),
        (sending(""), " must be an action as JSON, but is empty [not_json]"),
        (sending('{"a":1,"a":2}'), "is none that can be read in one way [not_json]"),
        (sending("[" * 100_000), "is nested too deeply [not_json]"),
        (sending("null"), " must be an action: a JSON object with type"),
        (sending(b"\x00"), " is a binary message: actions are JSON in text messages [binary]"),
        (sending({**SPEAK, "type": "sing"}), "/type is no action type"),
        (sending([SPEAK, {**SPEAK, "session_id": "s-2"}]), "/1/session_id must be session.id"),
        (sending({"type": "speak", "text": "Hi"}), "/session_id"),
        (sending([SPEAK] * 300), " has 300 actions: no more than the first 200"),
        (sending({"type": "connected"}), " is no action, and means nothing to the service"),
        (sending({"error": "sorry"}), " is no action, and means nothing to the service"),
        (
            sending({"message": "Internal server error", "connectionId": "c=", "requestId": "r="}),
            ' is no action, but an error of API Gateway, "Internal server error": the log',
        ),
    ],
)
def test_each_message_that_is_wrong_is_told_in_a_line_and_the_call_goes_on(
    talk: Talk, message: str
) -> None:
    bot = SocketBot(talk)
    call = called(bot)
    assert len(told(call)) == 1
    assert message in told(call)[0]
    assert "\n" not in told(call)[0]
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
def test_only_what_does_no_harm_is_a_warning(message: object, severity: str) -> None:
    assert [each.severity for each in called(SocketBot(sending(message))).problems] == [severity]


def test_a_bot_may_chatter_all_the_time_and_is_warned_once() -> None:
    def talk(line: BotConnection, _: Json) -> None:
        line.send({"type": "connected"})

    assert [problem.code for problem in called(SocketBot(talk)).problems] == ["chatter"]


LOST = [
    (closing(1000), " closed the connection, 1000 (OK) [closed]"),
    (closing(1001), "1001 (going away); API Gateway does so after 2 hours"),
    (closing(1009), "1009 (message too big): an event was too large for it [closed]"),
    (closing(4000, "bye"), "bye [closed]"),
    (broken_off, " broke off [broken_off]"),
    (sending("x" * (128 * 1024 + 1)), " sent a message of more than 128 KB"),
    (flooding, " sent 200 messages without a pause: the connection is closed [flood]"),
]


class TestALostConnection:
    @pytest.mark.parametrize(("talk", "message"), LOST)
    def test_it_is_told_in_a_line_and_opened_again_for_the_next_event(
        self, talk: Talk, message: str
    ) -> None:
        bots = [talk]

        def once(line: BotConnection, event: Json) -> None:
            (bots.pop() if bots else GOOD)(line, event)

        bot = SocketBot(once)
        with serving_socket(bot) as url, SocketDoor(url, "secret", PATIENT) as door:
            call = PhoneCall(door, PATIENT, Party(session_id="s-1"))
            call.begin()
            call.says("hello")
            call.settle()
            call.hangs_up()
        assert len(told(call)) == 1
        assert message in told(call)[0]
        assert call.heard == ["Hello"]
        assert [headers["x-api-token"] for headers in bot.headers] == ["secret", "secret"]
        assert {event["session"]["id"] for event in bot.events} == {"s-1"}

    @pytest.mark.parametrize(("talk", "message"), LOST)
    def test_it_may_end_the_call(self, talk: Talk, message: str) -> None:
        switches = PATIENT.model_copy(update={"dropped_connection": "hangup"})
        bot = SocketBot(talk)
        with serving_socket(bot) as url, SocketDoor(url, None, switches) as door:
            call = PhoneCall(door, switches, Party(session_id="s-1"))
            call.begin()
        assert call.is_over
        assert len(told(call)) == 1
        assert message in told(call)[0]
        assert notes(call)[-2:] == ["the service gives up", "the call is over"]
        assert len(bot.headers) == 1

    def test_an_event_may_be_sent_once_more_over_the_new_one(self) -> None:
        bots = [closing(1001)]

        def once(line: BotConnection, event: Json) -> None:
            (bots.pop() if bots else GOOD)(line, event)

        switches = PATIENT.model_copy(update={"failed_requests": "repeat"})
        bot = SocketBot(once)
        with serving_socket(bot) as url, SocketDoor(url, None, switches) as door:
            call = PhoneCall(door, switches)
            call.begin()
            call.hangs_up()
        assert bot.told[:2] == ["session_start", "session_start"]
        assert call.heard == [""]

    def test_a_message_of_128_kb_is_what_api_gateway_carries(self) -> None:
        text = " " * (128 * 1024 - 2) + "[]"
        assert [each.code for each in called(SocketBot(sending(text))).problems] == ["empty_array"]


class TestWhereNoCallCanBegin:
    @pytest.mark.parametrize(
        ("status", "message"),
        [
            (401, "refused the connection with 401; the API token is missing or wrong"),
            (403, "refused the connection with 403; the API token is wrong"),
            (404, "refused the connection with 404; nothing is served at this path"),
            (500, "refused the connection with 500 [refused]"),
            (200, "refused the connection with 200; it speaks HTTP there and no WebSocket"),
        ],
    )
    def test_a_refusal_is_told_and_the_call_is_over(self, status: int, message: str) -> None:
        with serving_socket(SocketBot(GOOD, status)) as url:
            call = begun(url)
        assert call.is_over
        assert len(told(call)) == 1
        assert message in told(call)[0]

    @pytest.mark.parametrize("location", ["ws://127.0.0.1:9/", "http://127.0.0.1:9/", "/x"])
    def test_a_redirect_is_not_followed(self, location: str) -> None:
        bot = SocketBot(GOOD, 307, location=location)
        with serving_socket(bot) as url:
            call = begun(url)
        assert "refused the connection with 307; redirects are not followed" in told(call)[0]
        assert len(bot.headers) == 1

    def test_a_connection_that_does_not_open_is_given_up(self) -> None:
        soon = Switches(answer_deadline_ms=100)
        with socket.create_server(("127.0.0.1", 0)) as silent:
            url = f"ws://127.0.0.1:{silent.getsockname()[1]}/"
            with SocketDoor(url, None, soon) as door:
                outcome = door.send(EVENT)
        assert isinstance(outcome, Failed)
        assert (outcome.code, outcome.is_final) == ("timeout", True)

    @pytest.mark.parametrize("bot", [hanging_up, talking_something_else, answering({})])
    def test_neither_is_something_else(self, bot: Any) -> None:  # noqa: ANN401 - two kinds
        with serving(bot) as url:
            call = begun(url.replace("http://", "ws://"))
        assert call.is_over
        assert len(told(call)) == 1

    def test_what_speaks_no_tls_is_not_spoken_to(self) -> None:
        with serving(talking_something_else) as url:
            call = begun(url.replace("http://", "wss://"))
        assert "speaks no TLS that can be trusted" in told(call)[0]
        assert call.is_over

    def test_where_nobody_listens_that_is_told(self) -> None:
        with serving_socket(SocketBot(GOOD)) as url:
            pass
        call = begun(url)
        assert "nobody answers at this address" in told(call)[0]
        assert "[no_connection]" in told(call)[0]

    @pytest.mark.parametrize(
        "url",
        [
            *("bot.example.com", "http://127.0.0.1/", "ws://", "ws://[", "ws://127.0.0.1:0/"),
            *("wss://127.0.0.1:99999/", "ws://127.0.0.1/#there", "ws://somebody@127.0.0.1/"),
        ],
    )
    def test_what_is_no_url_is_refused(self, url: str) -> None:
        with pytest.raises(Unreadable):
            SocketDoor(url, None, Switches())


def begun(url: str) -> PhoneCall:
    """Begin a call."""
    with SocketDoor(url, "secret", PATIENT) as door:
        call = PhoneCall(door, PATIENT)
        call.begin()
    return call


def test_failures_know_how_long_it_took() -> None:
    with serving_socket(SocketBot(closing(1001))) as url, SocketDoor(url, None, PATIENT) as door:
        outcome = door.send(EVENT)
    assert isinstance(outcome, Failed)
    assert outcome.ms > 0
