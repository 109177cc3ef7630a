"""One log line and one set of metrics per event, without any text of the call."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiflow import Call, Event, Reply, Session, UserSpeak, entrypoint
from aiflow.domain.call_summary import CallOutcome
from aiflow.domain.decisions import Outcome
from aiflow.entrypoints import webhook
from aiflow.errors import InvalidAction
from aiflow.protocol.events import EVENT_TYPES
from aiflow.sessions.memory import InMemorySessionStore
from aiflow.sessions.record import SessionRecord
from aiflow.telemetry import EventReport, Telemetry
from tests.helpers.bad_bodies import EVENT, bad_bodies
from tests.helpers.items import hostile_texts, json_values, session_ids
from tests.helpers.properties import repeatable
from tests.helpers.runtime import (
    Clock,
    FakeContext,
    Log,
    http_v2,
    invoke,
    make_runtime,
    make_settings,
    rest_v1,
    send,
)
from tests.helpers.stores import RecordingSessionStore

TYPES = [*EVENT_TYPES, "user_barge_in", "invented_tomorrow"]

TEXT = "Xylophon-Geheimnis"
PHONE = "493023125777"
ACCOUNT = "account-canary"
DIGITS = "7#7*7"
HEADER = "header-canary"
CONFIG = "config-canary"
CANARIES = (TEXT, PHONE, ACCOUNT, DIGITS, HEADER, CONFIG)

SESSION = {
    "id": "session-123",
    "account_id": ACCOUNT,
    "phone_number": PHONE,
    "direction": "inbound",
    "from_phone_number": PHONE,
    "to_phone_number": PHONE,
}
FULL_EVENT = {
    "text": TEXT,
    "digit": DIGITS,
    "reason": TEXT,
    "ssml": f"<speak>{TEXT}</speak>",
    "session": SESSION,
}


MISTAKES: list[Callable[[Any], object]] = [
    lambda call: call.transfer(TEXT, caller_id_name=TEXT, caller_id_number=PHONE),
    lambda call: call.transfer(PHONE, caller_id_name="", caller_id_number=TEXT),
    lambda call: call.transfer(PHONE, caller_id_name=TEXT, caller_id_number=PHONE, timeout=TEXT),
    lambda call: call.send_sms(TEXT, PHONE),
    lambda call: call.send_sms(PHONE, None),
    lambda call: call.audio(TEXT),
    lambda call: call.mix_audio(TEXT, volume=TEXT),
    lambda call: call.speak(ssml=f"<speak>{TEXT}"),
    lambda call: call.speak(ssml=f"<speak>&{TEXT};</speak>"),
    lambda call: call.speak(TEXT, ssml=f"<speak>{TEXT}</speak>"),
    lambda call: call.speak(TEXT, user_input_timeout_seconds=TEXT),
    lambda call: call.speak(TEXT, tts={"provider": TEXT}),
    lambda call: call.speak(TEXT, extra={TEXT: object()}),
    lambda call: call.speak(TEXT, extra={"text": TEXT}),
    lambda call: call.configure_transcription(languages=[TEXT + "!"], provider=TEXT),
    lambda call: call.configure_transcription(custom_vocabulary=[TEXT * 200]),
    lambda call: call.configure_voice_to_voice(TEXT, temperature=TEXT, language="!"),
    lambda _: {"text": TEXT},
    lambda _: [TEXT],
    lambda _: TEXT.encode(),
    lambda call: call.state.update({TEXT: {PHONE}}),
    lambda call: call.state.update(words=TEXT * 10_000),
    lambda call: call.speak(TEXT).then(call.speak(TEXT * 10_000)),
    lambda call: call.speak(TEXT * 1_000_000),
]


def log_of_all_events(
    handle: Callable[[Event, Call], Reply], log: Log | None = None, **overrides: object
) -> Log:
    """Return the log of one handler that answers events of all types."""
    log = log or Log()
    clock = Clock()
    settings = make_settings(agent={"canary": CONFIG}, **overrides)
    runtime = make_runtime(RecordingSessionStore(clock), clock, settings, log)

    def answer(event: Event, call: Call) -> Reply:
        return handle(event, call)

    handler = entrypoint(answer)
    for name in TYPES:
        clock.advance(10)
        send(
            handler,
            http_v2({**FULL_EVENT, "type": name}, headers={"X-Canary": HEADER}),
            runtime,
        )
    return log


def dimensions(blob: dict[str, Any]) -> dict[str, object]:
    return {name: blob[name] for name in ("event_type", "outcome")}


class TestLogLine:
    def test_it_has_the_type_session_and_outcome_of_the_event(self) -> None:
        log = Log()
        context = FakeContext(aws_request_id="request-1")
        invoke(webhook.lambda_handler, EVENT, make_runtime(stream=log), context=context)
        (entry,) = log.entries()
        assert entry.pop("service")
        assert entry.pop("timestamp")
        assert entry == {
            "level": "INFO",
            "message": "Event handled",
            "request_id": "request-1",
            "event_type": "user_speak",
            "session_id": "session-123",
            "token": "current",
            "outcome": "answered",
            "actions": ["speak"],
            "duration_ms": 0.0,
            "store_ms": 0.0,
            "handler_ms": 0.0,
        }

    @pytest.mark.parametrize("wrap", [http_v2, rest_v1, dict])
    def test_it_names_the_legacy_name_of_an_event(
        self, wrap: Callable[[dict[str, object]], dict[str, object]]
    ) -> None:
        log = Log()
        rest = {name: value for name, value in EVENT.items() if name != "text"}
        envelope = wrap({**rest, "transcript": "Hello"})
        send(webhook.lambda_handler, envelope, make_runtime(stream=log))
        (entry,) = log.entries()
        assert (entry["legacy_name"], entry["outcome"]) == ("transcript", "answered")

    @pytest.mark.parametrize("wrap", [http_v2, rest_v1, dict])
    @pytest.mark.parametrize("name", TYPES)
    def test_each_event_has_one_line_and_one_set_of_metrics(
        self, name: str, wrap: Callable[[dict[str, object]], dict[str, object]]
    ) -> None:
        log = Log()
        envelope = wrap({**EVENT, "type": name})
        send(webhook.lambda_handler, envelope, make_runtime(stream=log))
        assert (len(log.entries()), len(log.metrics())) == (1, 1)

    @pytest.mark.parametrize(
        ("envelope", "level", "message"),
        [
            (http_v2(EVENT), "INFO", "Event handled"),
            (http_v2({**EVENT, "type": "invented_tomorrow"}), "INFO", "Event handled"),
            (http_v2("{"), "WARNING", "Request refused"),
            (http_v2(EVENT, token="wrong"), "WARNING", "Request refused"),
            (http_v2({**EVENT, "text": "fail"}), "ERROR", "Event answered with an apology"),
        ],
        ids=["answered", "unknown", "refused", "unauthorized", "degraded"],
    )
    def test_its_message_is_constant_and_its_level_shows_the_severity(
        self, envelope: dict[str, object], level: str, message: str
    ) -> None:
        def fail_on_request(event: UserSpeak, call: Call) -> Reply:
            if event.text == "fail":
                raise ZeroDivisionError
            return call.speak("Yes?")

        log = Log()
        send(entrypoint(fail_on_request), envelope, make_runtime(stream=log))
        (entry,) = log.entries()
        assert (entry["level"], entry["message"]) == (level, message)

    def test_the_duration_is_measured_with_the_clock_of_the_runtime(self) -> None:
        clock, log = Clock(), Log()

        def think(event: UserSpeak, call: Call) -> Reply:
            clock.advance(1.2345)
            return call.speak(event.text)

        invoke(entrypoint(think), EVENT, make_runtime(clock=clock, stream=log))

        (entry,), (blob,) = log.entries(), log.metrics()
        assert entry["duration_ms"] == 1234.5
        assert blob["AnswerMs"] == [pytest.approx(1234.5)]

    def test_no_key_of_one_event_remains_in_the_line_of_the_next(self) -> None:
        log = Log()
        runtime = make_runtime(stream=log)
        send(webhook.lambda_handler, http_v2(EVENT), runtime)
        send(webhook.lambda_handler, http_v2(EVENT, token=None), runtime)
        _, second = log.entries()
        assert "session_id" not in second
        assert "actions" not in second
        assert second["event_type"] == "other"

    def test_an_event_below_the_log_level_is_still_counted(self) -> None:
        log = Log()
        runtime = make_runtime(settings=make_settings(log_level="ERROR"), stream=log)
        send(webhook.lambda_handler, http_v2(EVENT), runtime)
        send(webhook.lambda_handler, http_v2("{"), runtime)
        assert (len(log.entries()), len(log.metrics())) == (0, 2)

    def test_without_a_stream_it_is_written_to_standard_output(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        telemetry = Telemetry("on-standard-output", "AiFlow")
        telemetry.write(EventReport("request-1"), 1.0)
        entry, blob = map(json.loads, capsys.readouterr().out.splitlines())
        assert entry["request_id"] == "request-1"
        assert blob["service"] == "on-standard-output"


class SlowSessionStore(InMemorySessionStore):
    """A store that takes time, on the clock of the test."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self._clock = clock

    def load(self, session_id: str) -> SessionRecord | None:
        """Take 0.2 s, whether the record exists or not."""
        self._clock.advance(0.2)
        return super().load(session_id)

    def commit(self, record: SessionRecord) -> None:
        """Take 0.3 s, whether the commit succeeds or not."""
        self._clock.advance(0.3)
        super().commit(record)


class TestPhases:
    """The parts of the answer time: store and handler."""

    def test_store_and_handler_time_are_measured_separately(self) -> None:
        clock, log = Clock(), Log()

        def think(event: UserSpeak, call: Call) -> Reply:
            clock.advance(1.2345)
            return call.speak(event.text)

        runtime = make_runtime(SlowSessionStore(clock), clock, stream=log)
        invoke(entrypoint(think), EVENT, runtime)

        (entry,), (blob,) = log.entries(), log.metrics()
        assert (entry["duration_ms"], entry["store_ms"], entry["handler_ms"]) == (
            1734.5,
            500,
            1234.5,
        )
        assert blob["StoreMs"] == [pytest.approx(500)]
        assert blob["HandlerMs"] == [pytest.approx(1234.5)]

    def test_a_lost_commit_counts_with_all_attempts(self) -> None:
        clock, log = Clock(), Log()
        sessions = SlowSessionStore(clock)
        others = make_runtime(sessions, clock)
        asked: list[str] = []

        def overtaken(event: UserSpeak, call: Call) -> Reply:
            asked.append(event.text)
            if len(asked) == 1:
                invoke(entrypoint(overtaken), {**EVENT, "text": "Meanwhile"}, others)
            clock.advance(1)
            return call.speak(event.text)

        runtime = make_runtime(sessions, clock, stream=log)
        invoke(entrypoint(overtaken), EVENT, runtime)

        (entry,) = log.entries()
        assert asked == [EVENT["text"], "Meanwhile", EVENT["text"]]
        # The handler of this event waited for the whole of the other event.
        assert entry["handler_ms"] == 2000 + 1500
        assert entry["store_ms"] == 200 + 300 + 300

    def test_a_failed_handler_has_a_duration_too(self) -> None:
        clock, log = Clock(), Log()

        def fail(event: UserSpeak, call: Call) -> Reply:
            clock.advance(3)
            raise ZeroDivisionError(event, call)

        runtime = make_runtime(SlowSessionStore(clock), clock, stream=log)
        invoke(entrypoint(fail), EVENT, runtime)
        (entry,) = log.entries()
        assert (entry["outcome"], entry["handler_ms"]) == ("degraded", 3000)
        assert entry["store_ms"] == 200 + 200 + 300

    def test_a_phase_that_did_not_run_is_not_reported(self) -> None:
        log = Log()
        runtime = make_runtime(stream=log)
        send(webhook.lambda_handler, http_v2("{"), runtime)
        end = {**EVENT, "type": "session_end"}
        for event in (end, EVENT):
            invoke(webhook.lambda_handler, event, runtime)
        refused, _, late = log.entries()
        assert {"store_ms", "handler_ms"}.isdisjoint(refused)
        assert "handler_ms" not in late
        refused_blob, _, late_blob = log.metrics()
        assert {"StoreMs", "HandlerMs"}.isdisjoint(refused_blob)
        assert ("StoreMs" in late_blob, "HandlerMs" in late_blob) == (True, False)


class TestPrivacy:
    def test_an_answered_call_logs_no_text_and_no_number(self) -> None:
        def repeat(event: Event, call: Call) -> Reply:
            call.state["heard"] = TEXT
            return [call.speak(TEXT), call.send_sms(PHONE, f"{TEXT} {event.type}")]

        assert_silent(log_of_all_events(repeat))

    def test_the_default_agent_logs_no_text_and_no_number(self) -> None:
        log, clock = Log(), Clock()
        settings = make_settings(agent={"transfer_number": PHONE, "canary": CONFIG})
        runtime = make_runtime(RecordingSessionStore(clock), clock, settings, log)
        for text in ("nothing", "goodbye", "a person", "deutsch", "summary"):
            for name in TYPES[:-1]:
                clock.advance(10)
                session = {**SESSION, "id": text}
                event = {**FULL_EVENT, "type": name, "text": f"{text} {TEXT}", "session": session}
                invoke(webhook.lambda_handler, event, runtime)
        assert len(log.entries()) == 5 * len(TYPES[:-1])
        assert_silent(log)

    @pytest.mark.parametrize(
        "fault",
        [
            ValueError(TEXT),
            KeyError(TEXT, PHONE, ACCOUNT, DIGITS, HEADER, CONFIG),
            ExceptionGroup(TEXT, [ValueError(PHONE)]),
            RuntimeError(json.dumps(FULL_EVENT)),
            UnicodeDecodeError("utf-8", TEXT.encode(), 0, 1, PHONE),
        ],
        ids=lambda fault: type(fault).__name__,
    )
    def test_the_message_of_a_handler_error_is_not_logged(self, fault: Exception) -> None:
        def fail(event: Event, call: Call) -> Reply:
            raise fault from ValueError(f"{event} {call.session}")

        log = log_of_all_events(fail)
        assert_silent(log)
        degraded = [entry for entry in log.entries() if entry["outcome"] == "degraded"]
        assert {entry["reason"] for entry in degraded} == {"handler_error"}
        assert {entry["error"] for entry in degraded} == {type(fault).__name__}
        assert all("fail" in str(entry["where"]) for entry in degraded)

    @pytest.mark.parametrize("mistake", MISTAKES)
    def test_a_handler_mistake_is_logged_without_its_values(
        self, mistake: Callable[[Any], Any]
    ) -> None:
        def err(_: Event, call: Call) -> Reply:
            reply: Reply = mistake(call)
            return reply

        log = log_of_all_events(err)
        assert_silent(log)
        assert "degraded" in {str(entry["outcome"]) for entry in log.entries()}

    def test_rejected_bodies_and_headers_are_not_logged(self) -> None:
        log = Log()
        runtime = make_runtime(stream=log)
        text = json.dumps({**FULL_EVENT, "type": "user_speak"})
        for bad in bad_bodies():
            headers = {**bad.headers, "X-Canary": HEADER}
            for body in (bad.body, text[:-1], f"[{text}]", text + TEXT, TEXT):
                send(webhook.lambda_handler, rest_v1(body, headers=headers), runtime)
        lines = [e for e in log.lines() if e.get("outcome", "refused") == "refused"]
        refused = Log("\n".join(map(json.dumps, lines)))
        assert len(refused.entries()) > 800
        assert_silent(refused)

    def test_only_messages_of_the_layers_own_errors_are_logged(self) -> None:
        ours, theirs = EventReport("1"), EventReport("2")
        with pytest.raises(InvalidAction) as mistake:
            Call(Session(id="1")).speak("Hello", user_input_timeout_seconds=-1)
        with pytest.raises(InvalidAction) as forgery:
            raise InvalidAction(TEXT)
        ours.failed("invalid_action", mistake.value)
        theirs.failed("invalid_action", forgery.value)
        assert "user_input_timeout_seconds" in str(ours.details["detail"])
        assert "detail" not in theirs.details
        assert theirs.details["error"] == "InvalidAction"


def assert_silent(log: Log) -> None:
    """Check that the log is not empty and contains none of the sensitive values."""
    output = log.getvalue()
    assert output
    found = [canary for canary in CANARIES if canary in output]
    assert found == []


class TestHostileText:
    @repeatable
    @given(
        name=st.sampled_from(TYPES) | hostile_texts,
        text=hostile_texts,
        session_id=session_ids,
        more=json_values,
    )
    def test_each_line_is_one_json_object_in_ascii(
        self, name: str, text: str, session_id: str, more: object
    ) -> None:
        log = Log()
        event = {
            **dict.fromkeys(("text", "digit", "reason", "ssml", "duration_ms"), text),
            "type": name,
            "more": more,
            "session": {"id": session_id, "account_id": text, "from_phone_number": text},
        }
        send(webhook.lambda_handler, http_v2(event), make_runtime(stream=log))
        output = log.getvalue()
        assert output.isascii()
        assert all(character == "\n" or character.isprintable() for character in output)
        *lines, rest = output.split("\n")
        assert rest == ""
        assert all(isinstance(json.loads(line), dict) for line in lines)
        assert (len(log.entries()), len(log.metrics())) == (1, 1)

    @repeatable
    @given(message=hostile_texts)
    def test_an_error_message_cannot_forge_a_log_line(self, message: str) -> None:
        def fail(event: UserSpeak, call: Call) -> Reply:
            raise ValueError(message, event, call)

        log = Log()
        send(entrypoint(fail), http_v2(EVENT), make_runtime(stream=log))
        assert log.getvalue().isascii()
        # The log line, the metrics by event and the metrics by stack.
        assert log.getvalue().count("\n") == 3
        assert (len(log.entries()), len(log.metrics())) == (1, 1)


class TestMetrics:
    def test_dimensions_have_a_fixed_set_of_values_whatever_the_input(self) -> None:
        log = Log()
        runtime = make_runtime(stream=log)
        for number in range(1000):
            name = f"{chr(0x21 + number)} invented {number}"
            event = {**EVENT, "type": name, "session": {"id": f"session-{number}"}}
            assert invoke(webhook.lambda_handler, event, runtime).status == 204
        for name in TYPES:
            invoke(webhook.lambda_handler, {**EVENT, "type": name}, runtime)
        for bad in bad_bodies()[::10]:
            send(webhook.lambda_handler, http_v2(bad.body, headers=bad.headers), runtime)

        blobs = log.metrics()

        assert len(blobs) > 1000
        assert {str(blob["event_type"]) for blob in blobs} <= {*EVENT_TYPES, "other"}
        assert {str(blob["outcome"]) for blob in blobs} <= {outcome.value for outcome in Outcome}
        assert len({str(blob["service"]) for blob in blobs}) == 1
        dimensions_of_all = {
            json.dumps(directive["Dimensions"]) for blob in blobs for directive in directives(blob)
        }
        assert dimensions_of_all == {
            '[["service"]]',
            '[["event_type", "outcome", "service"], ["service"]]',
            '[["call_outcome", "service"], ["service"]]',
        }
        ends = [blob for blob in blobs if "Calls" in blob]
        assert {str(blob["event_type"]) for blob in ends} == {"session_end"}
        assert {str(blob["call_outcome"]) for blob in ends} <= {*map(str, CallOutcome)}

    def test_metrics_have_the_configured_namespace_and_units(self) -> None:
        log = Log()
        settings = make_settings(metrics_namespace="Agents")
        invoke(webhook.lambda_handler, EVENT, make_runtime(settings=settings, stream=log))
        (blob,) = log.metrics()
        assert {each["Namespace"] for each in directives(blob)} == {"Agents"}
        assert [metric for each in directives(blob) for metric in each["Metrics"]] == [
            {"Name": "Events", "Unit": "Count"},
            {"Name": "AnswerMs", "Unit": "Milliseconds"},
            {"Name": "StoreMs", "Unit": "Milliseconds"},
            {"Name": "HandlerMs", "Unit": "Milliseconds"},
        ]
        assert dimensions(blob) == {"event_type": "user_speak", "outcome": "answered"}

    def test_only_two_metrics_have_the_event_type_as_a_dimension(self) -> None:
        log = Log()
        invoke(webhook.lambda_handler, EVENT, make_runtime(stream=log))
        (blob,) = log.metrics()
        by_event, by_stack = directives(blob)
        assert by_stack["Dimensions"] == [["service"]]
        assert by_event["Dimensions"] == [["event_type", "outcome", "service"], ["service"]]
        assert [metric["Name"] for metric in by_event["Metrics"]] == ["Events", "AnswerMs"]

    @pytest.mark.parametrize(
        ("envelope", "metric"),
        [
            (http_v2("{"), "Rejected"),
            (http_v2(EVENT, token="wrong"), "AuthFailed"),
            (http_v2({**EVENT, "type": "session_start"}), "DegradedAnswer"),
            (http_v2({**EVENT, "text": "a person"}), "BillableActions"),
        ],
        ids=lambda value: value if isinstance(value, str) else "",
    )
    def test_rejections_failures_and_billable_actions_are_counted(
        self, envelope: dict[str, object], metric: str
    ) -> None:
        def text_or_fail(event: Event, call: Call) -> Reply:
            if isinstance(event, UserSpeak):
                return call.send_sms(PHONE, "A message")
            raise ZeroDivisionError

        log, settings = Log(), make_settings(allowed_numbers={PHONE})
        send(entrypoint(text_or_fail), envelope, make_runtime(settings=settings, stream=log))
        (blob,) = log.metrics()
        assert blob[metric] == [1]
        _, by_stack = directives(blob)
        assert {"Name": metric, "Unit": "Count"} in by_stack["Metrics"]

    def test_duplicates_and_late_events_are_counted(self) -> None:
        clock, log = Clock(), Log()
        runtime = make_runtime(RecordingSessionStore(clock), clock, stream=log)
        end = {**EVENT, "type": "session_end"}
        for event in (EVENT, EVENT, end, EVENT):
            invoke(webhook.lambda_handler, event, runtime)
        _, again, _, late = log.metrics()
        assert (again["Duplicate"], again["outcome"]) == ([1], "duplicate")
        assert (late["LateEvent"], late["outcome"]) == ([1], "late")

    def test_a_count_of_zero_is_not_reported(self) -> None:
        report = EventReport("request-1")
        report.count("BillableActions", 0)
        report.count("Duplicate", number=False)
        report.count("StoreRetry")
        report.count("StoreRetry", 2)
        assert report.counts == {"StoreRetry": 3}


def directives(blob: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the metric directives: by event, by stack, and by call if it ended."""
    found: list[dict[str, Any]] = blob["_aws"]["CloudWatchMetrics"]
    return found
