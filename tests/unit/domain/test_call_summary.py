"""The summary of a call at its end: outcome, duration and counts."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from aiflow import Call, Event, Reply, SessionEnd, UserSpeak
from aiflow.domain.call_summary import CallOutcome, CallSummary, summarize_call
from aiflow.entrypoints import webhook
from aiflow.errors import StoreUnavailable
from aiflow.sessions.codec import to_attributes
from aiflow.sessions.memory import InMemorySessionStore
from aiflow.sessions.record import SessionRecord, Status
from tests.helpers.in_process import CallDriver
from tests.helpers.items import full_record
from tests.helpers.runtime import NOW, Clock, Log, make_settings
from tests.helpers.websocket_in_process import WebSocketCallDriver

FALLBACK, TARGET = "493023125001", "493023125002"
NOW_MS = int(NOW * 1000)


def agent(event: Event, call: Call) -> Reply:
    """Do what the caller asks for."""
    if not isinstance(event, UserSpeak):
        return None
    match event.text:
        case "transfer":
            return call.transfer(TARGET, caller_id_name="A", caller_id_number=TARGET, timeout=30)
        case "fail":
            raise ZeroDivisionError
        case "hang up":
            return call.hangup()
        case text:
            return text


def summaries(log: Log) -> list[dict[str, Any]]:
    """Return the logged call summaries."""
    return [entry["call"] for entry in log.entries() if "call" in entry]


def outcome_after(*events: str, **settings: object) -> str:
    """Play a call of event types and caller texts; return its logged outcome."""
    driver = CallDriver(agent, settings=make_settings(**settings))
    for step in (*events, "session_end"):
        if step.startswith(("session_", "assistant_", "user_")):
            driver.send(step)
        else:
            driver.send("user_speak", text=step)
    (call,) = summaries(driver.log)
    outcome: str = call["outcome"]
    return outcome


class TestOutcome:
    @pytest.mark.parametrize(
        "events",
        [
            (),
            ("session_start",),
            ("session_start", "hello", "user_input_timeout"),
            ("hello", "hang up"),
            ("fail", "hello"),
        ],
    )
    def test_a_call_that_ends_normally_is_finished(self, events: tuple[str, ...]) -> None:
        assert outcome_after(*events) == "finished"

    def test_a_call_that_ends_in_a_transfer_is_transferred(self) -> None:
        assert outcome_after("session_start", "transfer") == "transferred"

    def test_events_during_a_transfer_do_not_change_the_outcome(self) -> None:
        assert outcome_after("transfer", "assistant_speech_ended", "hello") == "transferred"

    @pytest.mark.parametrize("then", ["hello", "hang up", "session_start"])
    def test_a_call_whose_transfer_failed_is_finished(self, then: str) -> None:
        assert outcome_after("session_start", "transfer", "session_start", then) == "finished"

    @pytest.mark.parametrize("times", [1, 2, 3, 5])
    def test_a_call_whose_last_answer_was_an_apology_is_failed(self, times: int) -> None:
        assert outcome_after("session_start", *["fail"] * times) == "failed"

    def test_a_call_moved_to_the_fallback_number_is_failed(self) -> None:
        events = (*["fail"] * 3, "assistant_speech_ended")
        assert outcome_after(*events, fallback_number=FALLBACK) == "failed"

    def test_a_failing_session_end_handler_does_not_make_the_call_failed(self) -> None:
        def fail_at_end(event: Event, call: Call) -> Reply:
            if isinstance(event, SessionEnd):
                raise ZeroDivisionError
            return call.speak("Yes?")

        driver = CallDriver(fail_at_end)
        driver.send("user_speak", text="hello")
        driver.send("session_end")
        assert driver.outcome == "degraded"
        assert [call["outcome"] for call in summaries(driver.log)] == ["finished"]

    @pytest.mark.parametrize(
        ("status", "apologies", "outcome"),
        [
            (Status.ACTIVE, 0, CallOutcome.ABANDONED),
            (Status.GONE, 0, CallOutcome.ABANDONED),
            (Status.HANGING_UP, 0, CallOutcome.ABANDONED),
            (Status.TRANSFERRING, 0, CallOutcome.TRANSFERRED),
            (Status.TRANSFERRING, 1, CallOutcome.FAILED),
            (Status.ACTIVE, 1, CallOutcome.FAILED),
        ],
    )
    def test_a_call_closed_by_the_sweeper_is_abandoned_unless_transferred_or_failed(
        self, status: Status, apologies: int, outcome: CallOutcome
    ) -> None:
        before = SessionRecord(session_id="1", status=status, consecutive_failures=apologies)
        assert summarize_call(before, replace(before), is_swept=True).outcome is outcome


class TestFigures:
    def test_the_summary_is_only_in_the_log_line_of_the_end(self) -> None:
        driver = CallDriver(agent)
        driver.send("session_start")
        driver.send("user_speak", text="hello")
        driver.send("user_speak", text="stop", barged_in=True)
        driver.send("user_input_timeout")
        assert summaries(driver.log) == []
        driver.send("session_end")
        assert driver.log.entries()[-1]["call"] == {
            "outcome": "finished",
            "seconds": 240.0,
            "turns": 2,
            "interruptions": 1,
            "silences": 1,
        }

    def test_the_summary_is_a_set_of_metrics_with_its_own_dimensions(self) -> None:
        driver = CallDriver(agent)
        driver.send("user_speak", text="hello", barged_in=True)
        driver.send("session_end")
        *_, blob = driver.log.metrics()
        by_event, by_stack, of_the_call = blob["_aws"]["CloudWatchMetrics"]
        assert of_the_call == {
            "Namespace": "AiFlow",
            "Dimensions": [["call_outcome", "service"], ["service"]],
            "Metrics": [
                {"Name": "Calls", "Unit": "Count"},
                {"Name": "CallSeconds", "Unit": "Seconds"},
                {"Name": "CallTurns", "Unit": "Count"},
                {"Name": "CallInterruptions", "Unit": "Count"},
                {"Name": "CallSilences", "Unit": "Count"},
            ],
        }
        names = [metric["Name"] for metric in of_the_call["Metrics"]]
        assert [blob[name] for name in names] == [[1], [60.0], [1], [1], [0]]
        assert (blob["call_outcome"], blob["event_type"]) == ("finished", "session_end")
        of_events = [*by_event["Metrics"], *by_stack["Metrics"]]
        assert {metric["Name"] for metric in of_events}.isdisjoint(names)

    @pytest.mark.parametrize(
        "make_driver", [CallDriver, WebSocketCallDriver], ids=["http", "websocket"]
    )
    def test_a_duplicate_counts_once(
        self, make_driver: Callable[..., CallDriver | WebSocketCallDriver]
    ) -> None:
        call = make_driver(agent)
        for name in ("user_speak", "user_input_timeout"):
            for _ in range(2):
                send = call.send_at_once if isinstance(call, CallDriver) else call.send
                send(name, text="stop", barged_in=True)
        call.send("session_end")
        (figures,) = summaries(call.log)
        assert (figures["turns"], figures["interruptions"], figures["silences"]) == (1, 1, 1)

    def test_an_interruption_without_text_counts_and_writes_nothing(self) -> None:
        driver = CallDriver(agent)
        driver.send("session_start")
        version = driver.record.version
        driver.send("user_speak", text=" ", barged_in=True)
        assert driver.record.version == version
        driver.send("session_end")
        (figures,) = summaries(driver.log)
        assert (figures["turns"], figures["interruptions"]) == (0, 0)

    def test_clock_skew_never_makes_a_negative_duration(self) -> None:
        before = SessionRecord(session_id="1", first_event_at_ms=NOW_MS)
        after = replace(before, status=Status.ENDED, committed_at_ms=NOW_MS - 500)
        assert summarize_call(before, after, is_swept=False) == CallSummary(
            CallOutcome.FINISHED, 0, turns=0, interruptions=0, silences=0
        )

    def test_records_without_counters_start_at_zero(self) -> None:
        attributes = to_attributes(full_record("session-123"))
        del attributes["interruptions"], attributes["input_timeouts"]
        item = SessionRecord.from_attributes("session-123", attributes)
        assert (item.interruptions, item.input_timeouts) == (0, 0)


class TestOnce:
    def test_a_repeated_session_end_reports_no_second_summary(self) -> None:
        driver = CallDriver(agent)
        driver.send("user_speak", text="hello")
        for name in ("session_end", "session_end", "user_speak", "session_end"):
            driver.send(name, text="hello")
        assert len(summaries(driver.log)) == 1
        assert [blob["Calls"] for blob in driver.log.metrics() if "Calls" in blob] == [[1]]

    def test_of_two_concurrent_session_ends_the_first_commit_reports_the_summary(self) -> None:
        ran: list[str] = []

        def after(event: Event, call: Call) -> Reply:
            ran.append(event.type)
            if len(ran) == 1:
                driver.send_at_once("session_end")
            return call.speak("Bye")

        driver = CallDriver(after)
        driver.send("session_end")
        assert len(ran) == 2
        assert [("call" in entry, entry["outcome"]) for entry in driver.log.entries()] == [
            (True, "silent"),
            (False, "late"),
        ]

    def test_a_session_end_that_was_not_stored_reports_no_summary_but_the_next_one_does(
        self,
    ) -> None:
        class Down(InMemorySessionStore):
            is_down = True

            def commit(self, record: SessionRecord) -> None:
                """See `SessionStore.commit`."""
                if self.is_down:
                    raise StoreUnavailable("the table did not answer: ReadTimeoutError")
                super().commit(record)

        sessions = Down(Clock())
        driver = CallDriver(agent, sessions=sessions)
        driver.send("session_end")
        assert summaries(driver.log) == []
        sessions.is_down = False
        driver.send("session_end")
        assert len(summaries(driver.log)) == 1

    def test_the_default_agent_has_a_summary_too(self) -> None:
        driver = CallDriver(webhook.lambda_handler)
        driver.send("session_start")
        driver.send("user_speak", text="goodbye")
        driver.send("assistant_speech_ended")
        driver.send("session_end")
        (call,) = summaries(driver.log)
        assert (call["outcome"], call["turns"]) == ("finished", 1)
