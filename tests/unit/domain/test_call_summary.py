"""The whole call, told once: how it ended, how long it was, what happened in it."""

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
from tests.helpers.in_process import Line
from tests.helpers.items import whole_item
from tests.helpers.runtime import NOW, Clock, Log, make_settings
from tests.helpers.websocket_in_process import WebSocketLine

FALLBACK, TARGET = "493023125001", "493023125002"
NOW_MS = int(NOW * 1000)


def agent(event: Event, call: Call) -> Reply:
    """Do what the caller says."""
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


def told(log: Log) -> list[dict[str, Any]]:
    """Return what was told of whole calls."""
    return [entry["call"] for entry in log.entries() if "call" in entry]


def outcome_after(*events: str, **settings: object) -> str:
    """Return how a call is told in which these were said, or happened if they are event types."""
    line = Line(agent, settings=make_settings(**settings))
    for happened in (*events, "session_end"):
        if happened.startswith(("session_", "assistant_", "user_")):
            line.send(happened)
        else:
            line.send("user_speak", text=happened)
    (call,) = told(line.log)
    outcome: str = call["outcome"]
    return outcome


class TestTheOutcome:
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
    def test_a_call_that_ended_by_itself_is_finished(self, events: tuple[str, ...]) -> None:
        assert outcome_after(*events) == "finished"

    def test_a_call_that_left_in_a_transfer_is_transferred(self) -> None:
        assert outcome_after("session_start", "transfer") == "transferred"

    def test_what_is_still_heard_meanwhile_changes_nothing(self) -> None:
        assert outcome_after("transfer", "assistant_speech_ended", "hello") == "transferred"

    @pytest.mark.parametrize("then", ["hello", "hang up", "session_start"])
    def test_a_call_that_came_back_from_its_transfer_is_not(self, then: str) -> None:
        assert outcome_after("session_start", "transfer", "session_start", then) == "finished"

    @pytest.mark.parametrize("times", [1, 2, 3, 5])
    def test_a_call_whose_last_answer_was_an_apology_has_failed(self, times: int) -> None:
        assert outcome_after("session_start", *["fail"] * times) == "failed"

    def test_a_call_that_was_given_up_has_failed_although_somebody_took_it(self) -> None:
        events = (*["fail"] * 3, "assistant_speech_ended")
        assert outcome_after(*events, fallback_number=FALLBACK) == "failed"

    def test_a_failure_of_what_comes_after_the_call_is_none_of_the_call(self) -> None:
        def fail_at_the_end(event: Event, call: Call) -> Reply:
            if isinstance(event, SessionEnd):
                raise ZeroDivisionError
            return call.speak("Yes?")

        line = Line(fail_at_the_end)
        line.send("user_speak", text="hello")
        line.send("session_end")
        assert line.outcome == "degraded"
        assert [call["outcome"] for call in told(line.log)] == ["finished"]

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
    def test_a_call_that_the_sweeper_closed_is_abandoned_unless_it_tells_better(
        self, status: Status, apologies: int, outcome: CallOutcome
    ) -> None:
        before = SessionRecord(session_id="1", status=status, consecutive_failures=apologies)
        assert summarize_call(before, replace(before), is_swept=True).outcome is outcome


class TestTheFigures:
    def test_they_are_in_the_log_line_of_the_end_and_nowhere_else(self) -> None:
        line = Line(agent)
        line.send("session_start")
        line.send("user_speak", text="hello")
        line.send("user_speak", text="stop", barged_in=True)
        line.send("user_input_timeout")
        assert told(line.log) == []
        line.send("session_end")
        assert line.log.entries()[-1]["call"] == {
            "outcome": "finished",
            "seconds": 240.0,
            "turns": 2,
            "interruptions": 1,
            "silences": 1,
        }

    def test_they_are_metrics_with_dimensions_of_their_own(self) -> None:
        line = Line(agent)
        line.send("user_speak", text="hello", barged_in=True)
        line.send("session_end")
        *_, blob = line.log.metrics()
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

    @pytest.mark.parametrize("line", [Line, WebSocketLine], ids=["http", "websocket"])
    def test_a_repetition_of_what_was_heard_counts_once(
        self, line: Callable[..., Line | WebSocketLine]
    ) -> None:
        call = line(agent)
        for name in ("user_speak", "user_input_timeout"):
            for _ in range(2):
                send = call.send_at_once if isinstance(call, Line) else call.send
                send(name, text="stop", barged_in=True)
        call.send("session_end")
        (figures,) = told(call.log)
        assert (figures["turns"], figures["interruptions"], figures["silences"]) == (1, 1, 1)

    def test_a_voice_without_words_counts_nothing_and_writes_nothing(self) -> None:
        line = Line(agent)
        line.send("session_start")
        version = line.item.version
        line.send("user_speak", text=" ", barged_in=True)
        assert line.item.version == version
        line.send("session_end")
        (figures,) = told(line.log)
        assert (figures["turns"], figures["interruptions"]) == (0, 0)

    def test_clocks_that_are_apart_make_no_call_shorter_than_nothing(self) -> None:
        before = SessionRecord(session_id="1", first_event_at_ms=NOW_MS)
        after = replace(before, status=Status.ENDED, committed_at_ms=NOW_MS - 500)
        assert summarize_call(before, after, is_swept=False) == CallSummary(
            CallOutcome.FINISHED, 0, turns=0, interruptions=0, silences=0
        )

    def test_items_of_an_earlier_version_have_none_to_count(self) -> None:
        attributes = to_attributes(whole_item("session-123"))
        del attributes["interruptions"], attributes["input_timeouts"]
        item = SessionRecord.from_attributes("session-123", attributes)
        assert (item.interruptions, item.input_timeouts) == (0, 0)


class TestOnce:
    def test_an_end_that_is_reported_again_is_not_told_again(self) -> None:
        line = Line(agent)
        line.send("user_speak", text="hello")
        for name in ("session_end", "session_end", "user_speak", "session_end"):
            line.send(name, text="hello")
        assert len(told(line.log)) == 1
        assert [blob["Calls"] for blob in line.log.metrics() if "Calls" in blob] == [[1]]

    def test_two_ends_at_once_are_told_by_the_one_that_was_first(self) -> None:
        ran: list[str] = []

        def after(event: Event, call: Call) -> Reply:
            ran.append(event.type)
            if len(ran) == 1:
                line.send_at_once("session_end")
            return call.speak("Bye")

        line = Line(after)
        line.send("session_end")
        assert len(ran) == 2
        assert [("call" in entry, entry["outcome"]) for entry in line.log.entries()] == [
            (True, "silent"),
            (False, "late"),
        ]

    def test_an_end_that_could_not_be_kept_is_not_told_but_the_next_one_is(self) -> None:
        class Down(InMemorySessionStore):
            is_down = True

            def commit(self, item: SessionRecord) -> None:
                """See `SessionStore.commit`."""
                if self.is_down:
                    raise StoreUnavailable("the table did not answer: ReadTimeoutError")
                super().commit(item)

        sessions = Down(Clock())
        line = Line(agent, sessions=sessions)
        line.send("session_end")
        assert told(line.log) == []
        sessions.is_down = False
        line.send("session_end")
        assert len(told(line.log)) == 1

    def test_the_default_agent_is_told_like_any_other(self) -> None:
        line = Line(webhook.lambda_handler)
        line.send("session_start")
        line.send("user_speak", text="goodbye")
        line.send("assistant_speech_ended")
        line.send("session_end")
        (call,) = told(line.log)
        assert (call["outcome"], call["turns"]) == ("finished", 1)
