"""Events over a WebSocket: answers, connections and rejected messages."""

import json
from typing import Any

import pytest

import user_speak.app
from aiflow import Call, Event, Reply, SessionEnd, SessionStart, UserSpeak, load_audio
from aiflow.sessions.record import Status
from tests.helpers.bad_bodies import BadBody, bad_bodies
from tests.helpers.in_process import CallDriver
from tests.helpers.recording_connections import RecordingConnectionSender
from tests.helpers.runtime import FakeContext, Log, make_runtime, make_settings, websocket
from tests.helpers.wav import SILENCE, wav
from tests.helpers.websocket_in_process import WebSocketCallDriver

APOLOGY = "Sorry, something went wrong. Please say that again."


def echo(event: Event, call: Call) -> Reply:
    """Repeat the caller's text, and count it."""
    if not isinstance(event, UserSpeak):
        return None
    call.state["turns"] = call.state.get("turns", 0) + 1
    return f"You said: {event.text}"


class TestAnswers:
    def test_an_action_is_sent_to_the_connection_of_the_event(self) -> None:
        driver = WebSocketCallDriver(echo)
        driver.send("user_speak", text="hello")
        driver.send("user_speak", connection_id="connection-2", text="again")
        assert driver.connections.sent == [
            (
                connection_id,
                {"type": "speak", "session_id": "session-123", "text": f"You said: {text}"},
            )
            for connection_id, text in [("connection-1", "hello"), ("connection-2", "again")]
        ]

    def test_several_actions_are_one_array(self) -> None:
        driver = WebSocketCallDriver(lambda event, call: [call.barge_in(), call.speak("Stop")])
        driver.send("dtmf_received", digit="1")
        (message,) = driver.connections.messages
        assert [action["type"] for action in message] == ["barge_in", "speak"]

    def test_silence_sends_no_message(self) -> None:
        driver = WebSocketCallDriver(echo)
        driver.send("assistant_speak", duration_ms=1000)
        assert driver.connections.sent == []
        assert driver.outcomes == ["silent"]

    @pytest.mark.parametrize("name", ["user_speech_started", "session_end"])
    def test_nothing_is_sent_for_events_that_expect_no_answer(self, name: str) -> None:
        driver = WebSocketCallDriver(lambda event, call: "Can you hear me?")
        driver.send(name)
        assert driver.connections.sent == []
        assert driver.record.turns == ()

    def test_an_answer_is_sent_after_the_commit(self) -> None:
        driver = WebSocketCallDriver(echo)
        stored: list[dict[str, Any]] = []
        driver.connections.before_send = lambda _: stored.append(driver.record.state)
        driver.send("user_speak", text="hello")
        assert stored == [{"turns": 1}]

    def test_a_handler_failure_leads_to_an_apology(self) -> None:
        def fail(event: Event, call: Call) -> Reply:
            raise ValueError("no answer")

        driver = WebSocketCallDriver(fail)
        driver.send("user_speak", text="hello")
        assert driver.connections.texts == [APOLOGY]
        assert driver.outcomes == ["degraded"]

    def test_deferred_actions_are_sent_at_the_end_of_the_speech(self) -> None:
        driver = WebSocketCallDriver(user_speak.app.lambda_handler)
        driver.send("user_speak", text="goodbye")
        ended = WebSocketCallDriver(lambda event, call: None, sessions=driver.runtime.sessions)
        ended.clock.advance(60)
        ended.send("assistant_speech_ended")
        assert ended.connections.messages == [{"type": "hangup", "session_id": "session-123"}]

    def test_a_message_over_the_size_limit_becomes_the_apology(self) -> None:
        four_seconds = load_audio(wav(SILENCE * 40))
        driver = WebSocketCallDriver(lambda event, call: call.audio(four_seconds))
        driver.send("dtmf_received", digit="1")
        assert driver.connections.texts == [APOLOGY]
        (entry,) = driver.log.entries()
        assert entry["reason"] == "answer_too_large"
        assert "131,072 bytes, about 3 s of sound" in entry["detail"]

    def test_a_message_just_under_the_size_limit_is_sent(self) -> None:
        driver = WebSocketCallDriver(lambda event, call: call.audio(load_audio(wav(SILENCE * 30))))
        driver.send("dtmf_received", digit="1")
        assert [message["type"] for message in driver.connections.messages] == ["audio"]

    def test_the_log_has_the_time_until_the_answer_was_sent(self) -> None:
        driver = WebSocketCallDriver(echo)
        driver.connections.before_send = lambda _: driver.clock.advance(0.2)
        driver.send("user_speak", text="hello")
        (entry,), (blob,) = driver.log.entries(), driver.log.metrics()
        assert (entry["answered_ms"], blob["AnswerMs"]) == (200.0, [pytest.approx(200)])


class TestConnection:
    def test_a_call_continues_over_a_new_connection(self) -> None:
        driver = WebSocketCallDriver(echo)
        driver.send("user_speak", text="one")
        assert driver.record.connection_id == "connection-1"
        driver.clock.advance(60)
        driver.send("user_speak", connection_id="connection-2", text="two")
        assert driver.record.connection_id == "connection-2"
        assert [turn.text for turn in driver.record.turns if turn.role == "user"] == ["one", "two"]
        assert driver.record.state == {"turns": 2}

    def test_a_new_connection_is_stored_even_if_nothing_else_changes(self) -> None:
        driver = WebSocketCallDriver(echo)
        driver.send("user_speak", text="one")
        driver.send("assistant_speak", connection_id="connection-2")
        assert driver.record.connection_id == "connection-2"

    def test_a_closed_connection_ends_the_call_once_without_an_error(self) -> None:
        driver = WebSocketCallDriver(echo)
        driver.connections.gone.add("connection-1")
        driver.send("user_speak", text="one")
        driver.send("user_speak", text="two")
        assert driver.record.status is Status.GONE
        assert driver.outcomes == ["gone", "late"]
        assert [blob.get("ConnectionGone") for blob in driver.log.metrics()] == [[1], None]
        assert {entry["level"] for entry in driver.log.entries()} == {"INFO"}

    def test_session_end_still_reaches_its_handler_after_the_connection_closed(self) -> None:
        def close(event: Event, call: Call) -> Reply:
            if isinstance(event, SessionEnd):
                call.state["closed"] = True
                return None
            return "Welcome"

        driver = WebSocketCallDriver(close)
        driver.connections.gone.add("connection-1")
        driver.send("session_start")
        driver.send("session_end")
        assert driver.record.status is Status.ENDED
        assert driver.record.state == {"closed": True}

    def test_an_answer_is_sent_to_a_newer_connection_of_the_call(self) -> None:
        driver = WebSocketCallDriver(echo)

        def drop(_: int) -> None:
            driver.connections.before_send = lambda _: None
            driver.send("assistant_speak", connection_id="connection-2")
            driver.connections.gone.add("connection-1")

        driver.connections.before_send = drop
        driver.send("user_speak", text="hello")
        assert [connection_id for connection_id, _ in driver.connections.sent] == ["connection-2"]
        assert driver.record.status is Status.ACTIVE

    def test_an_answer_is_sent_to_a_connection_opened_while_the_handler_ran(
        self,
    ) -> None:
        def think(event: Event, call: Call) -> Reply:
            if isinstance(event, UserSpeak) and not driver.connections.gone:
                driver.connections.gone.add("connection-1")
                driver.send("assistant_speak", connection_id="connection-2")
            return echo(event, call)

        driver = WebSocketCallDriver(think)
        driver.send("user_speak", text="hello")
        assert [connection_id for connection_id, _ in driver.connections.sent] == ["connection-2"]
        assert driver.record.status is Status.ACTIVE
        assert driver.record.connection_id == "connection-2"

    def test_a_delayed_event_of_a_closed_connection_is_answered_over_the_newer_one(self) -> None:
        driver = WebSocketCallDriver(echo)
        driver.send("session_start", connection_id="connection-2")
        driver.connections.gone.add("connection-1")
        driver.send("user_speak", text="hello")
        assert [connection_id for connection_id, _ in driver.connections.sent] == ["connection-2"]
        assert driver.record.status is Status.ACTIVE

    def test_a_call_is_gone_when_all_its_connections_are_closed(self) -> None:
        driver = WebSocketCallDriver(echo)
        driver.send("session_start", connection_id="connection-2")
        driver.connections.gone |= {"connection-1", "connection-2"}
        driver.send("user_speak", text="hello")
        assert driver.connections.sent == []
        assert driver.record.status is Status.GONE
        assert [blob.get("ConnectionGone") for blob in driver.log.metrics()] == [None, [1]]

    def test_an_apology_is_sent_to_a_newer_connection(self) -> None:
        def stumble(event: Event, call: Call) -> Reply:
            if not isinstance(event, UserSpeak):
                return None
            driver.connections.gone.add("connection-1")
            driver.send("assistant_speak", connection_id="connection-2")
            raise RuntimeError("no answer")

        driver = WebSocketCallDriver(stumble)
        driver.send("user_speak", text="hello")
        assert [connection_id for connection_id, _ in driver.connections.sent] == ["connection-2"]
        assert driver.connections.texts == [APOLOGY]
        assert driver.record.status is Status.ACTIVE

    def test_a_call_continues_if_a_new_connection_follows_a_closed_one(self) -> None:
        driver = WebSocketCallDriver(echo)
        driver.connections.gone.add("connection-1")
        driver.send("user_speak", text="one")
        driver.send("user_speak", connection_id="connection-2", text="two")
        assert driver.connections.texts == ["You said: two"]
        assert driver.record.status is Status.ACTIVE
        assert driver.record.state == {"turns": 2}

    def test_a_lost_hangup_is_sent_again_over_a_new_connection(self) -> None:
        driver = WebSocketCallDriver(lambda event, call: [call.speak("Goodbye."), call.hangup()])
        driver.connections.gone.add("connection-1")
        driver.send("user_speak", text="one")
        driver.send("user_speak", connection_id="connection-2", text="two")
        assert [action["type"] for action in driver.connections.actions] == ["hangup"]
        assert driver.record.status is Status.HANGING_UP

    def test_a_transfer_counts_as_failed_even_if_its_connection_was_closed(self) -> None:
        failed: list[bool] = []

        def transfer(event: Event, call: Call) -> Reply:
            if isinstance(event, SessionStart):
                failed.append(call.transfer_failed)
                return None
            target = "493023125042"
            return call.transfer(target, caller_id_name="us", caller_id_number=target, timeout=9)

        driver = WebSocketCallDriver(transfer)
        driver.send("session_start")
        driver.connections.gone.add("connection-1")
        driver.send("user_speak", text="a person")
        driver.send("session_start", connection_id="connection-2")
        assert failed == [False, True]

    def test_an_ended_call_stays_ended_on_a_new_connection(self) -> None:
        driver = WebSocketCallDriver(echo)
        driver.send("session_end")
        driver.send("user_speak", connection_id="connection-2", text="hello")
        assert driver.connections.sent == []
        assert (driver.record.status, driver.record.connection_id) == (Status.ENDED, "connection-1")

    def test_a_message_that_cannot_be_sent_is_logged_as_a_connection_error(self) -> None:
        driver = WebSocketCallDriver(echo)
        driver.connections.broken = True
        driver.send("user_speak", text="hello")
        (entry,) = driver.log.entries()
        assert (entry["outcome"], entry["reason"]) == ("degraded", "connection")
        assert driver.record.state == {"turns": 1}

    def test_without_an_endpoint_the_log_names_the_missing_variable(self) -> None:
        log = Log()
        runtime = make_runtime(stream=log)
        event = {"type": "user_speak", "text": "hello", "session": {"id": "s"}}
        answer = user_speak.app.lambda_handler.bind(runtime)(websocket(event), FakeContext())
        assert answer == {"statusCode": 200}
        assert "AWS_ENDPOINT_URL_APIGATEWAYMANAGEMENTAPI" in log.entries()[0]["detail"]

    def test_an_event_over_http_does_not_change_the_connection(self) -> None:
        driver = WebSocketCallDriver(echo)
        driver.send("user_speak", text="hello")
        CallDriver(echo, sessions=driver.runtime.sessions).send("user_speak", text="again")
        assert driver.record.connection_id == "connection-1"
        assert driver.record.state == {"turns": 2}


class TestConcurrentTurns:
    def test_two_concurrent_turns_are_both_in_the_history(self) -> None:
        driver = WebSocketCallDriver(echo)

        def overlap(event: Event, call: Call) -> Reply:
            if isinstance(event, UserSpeak) and event.text == "one" and "seen" not in seen:
                seen.append("seen")
                other.send("user_speak", text="two")
            return echo(event, call)

        seen: list[str] = []
        other = WebSocketCallDriver(echo, sessions=driver.runtime.sessions)
        first = WebSocketCallDriver(overlap, sessions=driver.runtime.sessions)
        first.send("user_speak", text="one")
        assert first.record.state == {"turns": 2}
        assert [turn.text for turn in first.record.turns] == [
            "two",
            "You said: two",
            "one",
            "You said: one",
        ]


def _bad_messages() -> list[BadBody]:
    """Return the bodies that are bad over any transport."""
    return [
        bad for bad in bad_bodies() if not bad.headers and not bad.members and bad.status == 400
    ]


class TestBadInput:
    @pytest.mark.parametrize("bad", _bad_messages(), ids=lambda bad: bad.name)
    def test_bad_input_is_dropped_with_a_log_line_and_a_metric(self, bad: BadBody) -> None:
        log, connections = Log(), RecordingConnectionSender()
        runtime = make_runtime(stream=log, connections=connections)
        handler = user_speak.app.lambda_handler.bind(runtime)
        assert handler(websocket(bad.body), FakeContext()) == {"statusCode": 200}
        assert connections.sent == []
        assert (log.entries()[0]["outcome"], log.entries()[0]["reason"]) == ("refused", bad.reason)
        assert log.metrics()[0]["Rejected"] == [1]

    def test_an_event_of_an_account_that_is_not_allowed_is_dropped(self) -> None:
        settings = make_settings(allowed_account_ids=frozenset({"ours"}))
        log, connections = Log(), RecordingConnectionSender()
        runtime = make_runtime(settings=settings, stream=log, connections=connections)
        event = {"type": "user_speak", "text": "x", "session": {"id": "s", "account_id": "theirs"}}
        user_speak.app.lambda_handler.bind(runtime)(websocket(event), FakeContext())
        assert connections.sent == []
        assert log.entries()[0]["reason"] == "account"

    def test_a_body_may_be_base64(self) -> None:
        connections = RecordingConnectionSender()
        handler = user_speak.app.lambda_handler.bind(make_runtime(connections=connections))
        event = {"type": "user_speak", "text": "hello", "session": {"id": "s"}}
        handler(websocket(event, base64=True), FakeContext())
        assert connections.texts == ["You said: hello"]

    def test_no_text_of_the_caller_is_logged(self) -> None:
        driver = WebSocketCallDriver(echo)
        driver.send("user_speak", text="my secret")
        assert "my secret" not in driver.log.getvalue()
        assert json.loads(driver.log.getvalue().splitlines()[0])["event_type"] == "user_speak"


def test_a_repeated_session_start_gets_the_greeting_again() -> None:
    driver = WebSocketCallDriver(
        lambda event, call: "Welcome" if isinstance(event, SessionStart) else None
    )
    driver.send("session_start")
    driver.send("session_start", connection_id="connection-2")
    assert driver.connections.texts == ["Welcome", "Welcome"]
