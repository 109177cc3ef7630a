"""Events over a WebSocket: what is answered, where it goes, and what nobody hears any more."""

import json
from typing import Any

import pytest

import user_speak.app
from aiflow import Call, Event, Reply, SessionEnd, SessionStart, UserSpeak, load_audio
from aiflow.sessions.record import Status
from tests.helpers.bad_bodies import BadBody, bad_bodies
from tests.helpers.in_process import Line
from tests.helpers.inbox import Mailbox
from tests.helpers.runtime import FakeContext, Log, make_runtime, make_settings, websocket
from tests.helpers.wav import SILENCE, wav
from tests.helpers.websocket_in_process import WebSocketLine

APOLOGY = "Sorry, something went wrong. Please say that again."


def echo(event: Event, call: Call) -> Reply:
    """Repeat what was heard, and count it."""
    if not isinstance(event, UserSpeak):
        return None
    call.state["turns"] = call.state.get("turns", 0) + 1
    return f"You said: {event.text}"


class TestAnswers:
    def test_an_action_is_a_message_to_the_connection_that_the_event_came_by(self) -> None:
        line = WebSocketLine(echo)
        line.send("user_speak", text="hello")
        line.send("user_speak", connection_id="connection-2", text="again")
        assert line.mailbox.sent == [
            (
                connection_id,
                {"type": "speak", "session_id": "session-123", "text": f"You said: {text}"},
            )
            for connection_id, text in [("connection-1", "hello"), ("connection-2", "again")]
        ]

    def test_several_actions_are_one_array(self) -> None:
        line = WebSocketLine(lambda event, call: [call.barge_in(), call.speak("Stop")])
        line.send("dtmf_received", digit="1")
        (message,) = line.mailbox.messages
        assert [action["type"] for action in message] == ["barge_in", "speak"]

    def test_silence_is_no_message(self) -> None:
        line = WebSocketLine(echo)
        line.send("assistant_speak", duration_ms=1000)
        assert line.mailbox.sent == []
        assert line.outcomes == ["silent"]

    @pytest.mark.parametrize("name", ["user_speech_started", "session_end"])
    def test_where_the_service_does_not_listen_nothing_is_said(self, name: str) -> None:
        line = WebSocketLine(lambda event, call: "Can you hear me?")
        line.send(name)
        assert line.mailbox.sent == []
        assert line.item.turns == ()

    def test_it_leaves_after_the_commit(self) -> None:
        line = WebSocketLine(echo)
        kept: list[dict[str, Any]] = []
        line.mailbox.meanwhile = lambda _: kept.append(line.item.state)
        line.send("user_speak", text="hello")
        assert kept == [{"turns": 1}]

    def test_a_failure_is_an_apology(self) -> None:
        def fail(event: Event, call: Call) -> Reply:
            raise ValueError("no answer")

        line = WebSocketLine(fail)
        line.send("user_speak", text="hello")
        assert line.mailbox.texts == [APOLOGY]
        assert line.outcomes == ["degraded"]

    def test_what_waits_for_the_end_of_a_speech_is_sent_then(self) -> None:
        line = WebSocketLine(user_speak.app.lambda_handler)
        line.send("user_speak", text="goodbye")
        ended = WebSocketLine(lambda event, call: None, sessions=line.runtime.sessions)
        ended.clock.advance(60)
        ended.send("assistant_speech_ended")
        assert ended.mailbox.messages == [{"type": "hangup", "session_id": "session-123"}]

    def test_more_than_a_message_carries_is_refused_and_the_caller_hears_the_apology(self) -> None:
        four_seconds = load_audio(wav(SILENCE * 40))
        line = WebSocketLine(lambda event, call: call.audio(four_seconds))
        line.send("dtmf_received", digit="1")
        assert line.mailbox.texts == [APOLOGY]
        (entry,) = line.log.entries()
        assert entry["reason"] == "answer_too_large"
        assert "131,072 bytes, about 3 s of sound" in entry["detail"]

    def test_what_just_fits_is_sent(self) -> None:
        line = WebSocketLine(lambda event, call: call.audio(load_audio(wav(SILENCE * 30))))
        line.send("dtmf_received", digit="1")
        assert [message["type"] for message in line.mailbox.messages] == ["audio"]

    def test_the_log_tells_what_the_caller_waited_for(self) -> None:
        line = WebSocketLine(echo)
        line.mailbox.meanwhile = lambda _: line.clock.advance(0.2)
        line.send("user_speak", text="hello")
        (entry,), (blob,) = line.log.entries(), line.log.metrics()
        assert (entry["answered_ms"], blob["AnswerMs"]) == (200.0, [pytest.approx(200)])


class TestTheConnection:
    def test_it_belongs_to_the_call_and_the_history_goes_on_over_a_new_one(self) -> None:
        line = WebSocketLine(echo)
        line.send("user_speak", text="one")
        assert line.item.connection_id == "connection-1"
        line.clock.advance(60)
        line.send("user_speak", connection_id="connection-2", text="two")
        assert line.item.connection_id == "connection-2"
        assert [turn.text for turn in line.item.turns if turn.role == "user"] == ["one", "two"]
        assert line.item.state == {"turns": 2}

    def test_a_new_one_alone_is_worth_a_write(self) -> None:
        line = WebSocketLine(echo)
        line.send("user_speak", text="one")
        line.send("assistant_speak", connection_id="connection-2")
        assert line.item.connection_id == "connection-2"

    def test_one_that_is_gone_ends_the_call_once_and_is_no_error(self) -> None:
        line = WebSocketLine(echo)
        line.mailbox.gone.add("connection-1")
        line.send("user_speak", text="one")
        line.send("user_speak", text="two")
        assert line.item.status is Status.GONE
        assert line.outcomes == ["gone", "late"]
        assert [blob.get("ConnectionGone") for blob in line.log.metrics()] == [[1], None]
        assert {entry["level"] for entry in line.log.entries()} == {"INFO"}

    def test_the_end_of_a_call_that_is_gone_still_reaches_its_handler(self) -> None:
        def close(event: Event, call: Call) -> Reply:
            if isinstance(event, SessionEnd):
                call.state["closed"] = True
                return None
            return "Welcome"

        line = WebSocketLine(close)
        line.mailbox.gone.add("connection-1")
        line.send("session_start")
        line.send("session_end")
        assert line.item.status is Status.ENDED
        assert line.item.state == {"closed": True}

    def test_an_answer_follows_the_service_to_its_new_connection(self) -> None:
        line = WebSocketLine(echo)

        def drop(_: int) -> None:
            line.mailbox.meanwhile = lambda _: None
            line.send("assistant_speak", connection_id="connection-2")
            line.mailbox.gone.add("connection-1")

        line.mailbox.meanwhile = drop
        line.send("user_speak", text="hello")
        assert [connection_id for connection_id, _ in line.mailbox.sent] == ["connection-2"]
        assert line.item.status is Status.ACTIVE

    def test_an_answer_follows_the_service_that_connected_anew_while_the_handler_thought(
        self,
    ) -> None:
        def think(event: Event, call: Call) -> Reply:
            if isinstance(event, UserSpeak) and not line.mailbox.gone:
                line.mailbox.gone.add("connection-1")
                line.send("assistant_speak", connection_id="connection-2")
            return echo(event, call)

        line = WebSocketLine(think)
        line.send("user_speak", text="hello")
        assert [connection_id for connection_id, _ in line.mailbox.sent] == ["connection-2"]
        assert line.item.status is Status.ACTIVE
        assert line.item.connection_id == "connection-2"

    def test_an_event_that_was_long_on_its_way_is_answered_by_the_new_connection(self) -> None:
        line = WebSocketLine(echo)
        line.send("session_start", connection_id="connection-2")
        line.mailbox.gone.add("connection-1")
        line.send("user_speak", text="hello")
        assert [connection_id for connection_id, _ in line.mailbox.sent] == ["connection-2"]
        assert line.item.status is Status.ACTIVE

    def test_a_call_is_gone_when_all_its_connections_are(self) -> None:
        line = WebSocketLine(echo)
        line.send("session_start", connection_id="connection-2")
        line.mailbox.gone |= {"connection-1", "connection-2"}
        line.send("user_speak", text="hello")
        assert line.mailbox.sent == []
        assert line.item.status is Status.GONE
        assert [blob.get("ConnectionGone") for blob in line.log.metrics()] == [None, [1]]

    def test_an_apology_follows_the_service_to_its_new_connection(self) -> None:
        def stumble(event: Event, call: Call) -> Reply:
            if not isinstance(event, UserSpeak):
                return None
            line.mailbox.gone.add("connection-1")
            line.send("assistant_speak", connection_id="connection-2")
            raise RuntimeError("nothing comes of it")

        line = WebSocketLine(stumble)
        line.send("user_speak", text="hello")
        assert [connection_id for connection_id, _ in line.mailbox.sent] == ["connection-2"]
        assert line.mailbox.texts == [APOLOGY]
        assert line.item.status is Status.ACTIVE

    def test_whoever_comes_back_after_all_goes_on_with_the_call(self) -> None:
        line = WebSocketLine(echo)
        line.mailbox.gone.add("connection-1")
        line.send("user_speak", text="one")
        line.send("user_speak", connection_id="connection-2", text="two")
        assert line.mailbox.texts == ["You said: two"]
        assert line.item.status is Status.ACTIVE
        assert line.item.state == {"turns": 2}

    def test_a_hang_up_that_reached_nobody_is_said_again_to_whoever_comes_back(self) -> None:
        line = WebSocketLine(lambda event, call: [call.speak("Goodbye."), call.hangup()])
        line.mailbox.gone.add("connection-1")
        line.send("user_speak", text="one")
        line.send("user_speak", connection_id="connection-2", text="two")
        assert [action["type"] for action in line.mailbox.actions] == ["hangup"]
        assert line.item.status is Status.HANGING_UP

    def test_a_transfer_is_known_to_have_failed_though_its_connection_was_gone(self) -> None:
        failed: list[bool] = []

        def transfer(event: Event, call: Call) -> Reply:
            if isinstance(event, SessionStart):
                failed.append(call.transfer_failed)
                return None
            target = "493023125042"
            return call.transfer(target, caller_id_name="us", caller_id_number=target, timeout=9)

        line = WebSocketLine(transfer)
        line.send("session_start")
        line.mailbox.gone.add("connection-1")
        line.send("user_speak", text="a person")
        line.send("session_start", connection_id="connection-2")
        assert failed == [False, True]

    def test_a_call_that_has_ended_stays_ended_whatever_connects(self) -> None:
        line = WebSocketLine(echo)
        line.send("session_end")
        line.send("user_speak", connection_id="connection-2", text="hello")
        assert line.mailbox.sent == []
        assert (line.item.status, line.item.connection_id) == (Status.ENDED, "connection-1")

    def test_a_message_that_does_not_go_out_is_an_error_of_its_own(self) -> None:
        line = WebSocketLine(echo)
        line.mailbox.broken = True
        line.send("user_speak", text="hello")
        (entry,) = line.log.entries()
        assert (entry["outcome"], entry["reason"]) == ("degraded", "connection")
        assert line.item.state == {"turns": 1}

    def test_a_function_without_a_way_back_says_what_it_lacks(self) -> None:
        log = Log()
        runtime = make_runtime(stream=log)
        event = {"type": "user_speak", "text": "hello", "session": {"id": "s"}}
        answer = user_speak.app.lambda_handler.bind(runtime)(websocket(event), FakeContext())
        assert answer == {"statusCode": 200}
        assert "AWS_ENDPOINT_URL_APIGATEWAYMANAGEMENTAPI" in log.entries()[0]["detail"]

    def test_over_http_the_connection_of_a_call_is_left_alone(self) -> None:
        line = WebSocketLine(echo)
        line.send("user_speak", text="hello")
        Line(echo, sessions=line.runtime.sessions).send("user_speak", text="again")
        assert line.item.connection_id == "connection-1"
        assert line.item.state == {"turns": 2}


class TestTwoAtOnce:
    def test_two_turns_at_the_same_time_give_one_history(self) -> None:
        line = WebSocketLine(echo)

        def overlap(event: Event, call: Call) -> Reply:
            if isinstance(event, UserSpeak) and event.text == "one" and "seen" not in seen:
                seen.append("seen")
                other.send("user_speak", text="two")
            return echo(event, call)

        seen: list[str] = []
        other = WebSocketLine(echo, sessions=line.runtime.sessions)
        first = WebSocketLine(overlap, sessions=line.runtime.sessions)
        first.send("user_speak", text="one")
        assert first.item.state == {"turns": 2}
        assert [turn.text for turn in first.item.turns] == [
            "two",
            "You said: two",
            "one",
            "You said: one",
        ]


def _of_messages() -> list[BadBody]:
    """Bodies that are bad whatever door they come through."""
    return [
        bad for bad in bad_bodies() if not bad.headers and not bad.members and bad.status == 400
    ]


class TestBadInput:
    @pytest.mark.parametrize("bad", _of_messages(), ids=lambda bad: bad.name)
    def test_it_is_dropped_with_a_log_line_and_a_metric_and_the_call_goes_on(
        self, bad: BadBody
    ) -> None:
        log, mailbox = Log(), Mailbox()
        runtime = make_runtime(stream=log, connections=mailbox)
        handler = user_speak.app.lambda_handler.bind(runtime)
        assert handler(websocket(bad.body), FakeContext()) == {"statusCode": 200}
        assert mailbox.sent == []
        assert (log.entries()[0]["outcome"], log.entries()[0]["reason"]) == ("refused", bad.reason)
        assert log.metrics()[0]["Rejected"] == [1]

    def test_a_foreign_account_is_dropped_too(self) -> None:
        settings = make_settings(allowed_account_ids=frozenset({"ours"}))
        log, mailbox = Log(), Mailbox()
        runtime = make_runtime(settings=settings, stream=log, connections=mailbox)
        event = {"type": "user_speak", "text": "x", "session": {"id": "s", "account_id": "theirs"}}
        user_speak.app.lambda_handler.bind(runtime)(websocket(event), FakeContext())
        assert mailbox.sent == []
        assert log.entries()[0]["reason"] == "account"

    def test_the_body_may_come_as_base64(self) -> None:
        mailbox = Mailbox()
        handler = user_speak.app.lambda_handler.bind(make_runtime(connections=mailbox))
        event = {"type": "user_speak", "text": "hello", "session": {"id": "s"}}
        handler(websocket(event, base64=True), FakeContext())
        assert mailbox.texts == ["You said: hello"]

    def test_nothing_that_was_said_is_logged(self) -> None:
        line = WebSocketLine(echo)
        line.send("user_speak", text="my secret")
        assert "my secret" not in line.log.getvalue()
        assert json.loads(line.log.getvalue().splitlines()[0])["event_type"] == "user_speak"


def test_a_repeated_start_is_greeted_once_more_over_a_websocket_too() -> None:
    line = WebSocketLine(lambda event, call: "Welcome" if isinstance(event, SessionStart) else None)
    line.send("session_start")
    line.send("session_start", connection_id="connection-2")
    assert line.mailbox.texts == ["Welcome", "Welcome"]
