"""Processing one event: rejection, deduplication, handler, checks, commit and failures."""

from typing import Any

import pytest

from aiflow import Call, DtmfReceived, Event, Reply, UserSpeak, entrypoint, load_audio
from aiflow.errors import StoreUnavailable
from aiflow.sessions.memory import InMemorySessionStore
from aiflow.sessions.record import SessionRecord, Status, Turn
from tests.helpers.in_process import CallDriver
from tests.helpers.runtime import NOW, Clock, invoke, make_runtime, make_settings
from tests.helpers.wav import wav

APOLOGY = {
    "type": "speak",
    "session_id": "session-123",
    "text": "Sorry, something went wrong. Please say that again.",
    "user_input_timeout_seconds": 8,
}

TEXTING = make_settings(allowed_numbers={"493023125001"})
"""Settings of an agent that may text this number."""


def echo(event: Event, call: Call) -> Reply:
    """Count in the state, and repeat what was heard."""
    call.state["events"] = call.state.get("events", 0) + 1
    return f"You said: {event.text}" if isinstance(event, UserSpeak) else "Welcome"


class TestHandlerReply:
    @pytest.mark.parametrize("reply", [None, "", "  \n", []])
    def test_an_empty_reply_is_204_without_a_body(self, reply: Reply) -> None:
        driver = CallDriver(lambda event, call: reply)

        assert driver.send("user_speak", text="hello") is None
        assert driver.outcome == "silent"

    def test_a_text_reply_is_spoken_and_one_action_is_an_object(self) -> None:
        assert CallDriver(echo).send("user_speak", text="hello") == {
            "type": "speak",
            "session_id": "session-123",
            "text": "You said: hello",
        }

    def test_several_actions_are_an_array_in_their_order(self) -> None:
        driver = CallDriver(lambda event, call: [call.barge_in(), call.speak("Stop")])

        assert driver.types("dtmf_received", digit="1") == ["barge_in", "speak"]

    @pytest.mark.parametrize("reply", [42, {"type": "hangup"}, [None], object()])
    def test_an_invalid_reply_makes_the_caller_hear_the_apology(self, reply: Reply) -> None:
        driver = CallDriver(lambda event, call: reply)

        assert driver.send("user_speak", text="hello") == APOLOGY
        assert driver.log.entries()[-1]["reason"] == "invalid_action"

    def test_an_action_for_another_session_is_corrected_and_counted(self) -> None:
        def mix_up(event: Event, call: Call) -> Reply:
            return call.speak("One").model_copy(update={"session_id": "somebody-else"})

        driver = CallDriver(mix_up)

        assert driver.send("user_speak", text="hello")["session_id"] == "session-123"
        assert driver.log.metrics()[-1]["SessionIdCorrected"] == [1]

    def test_lint_findings_on_an_answer_are_logged_by_code(self) -> None:
        driver = CallDriver(lambda event, call: [call.speak("Bye"), call.hangup()])

        assert driver.types("user_speak", text="bye") == ["speak", "hangup"]
        assert driver.log.entries()[-1]["problems"] == ["cut_off"]


class TestState:
    def test_state_and_history_reach_the_next_event(self) -> None:
        driver = CallDriver(echo)

        driver.send("session_start")
        driver.send("user_speak", text="hello")

        assert driver.record.state == {"events": 2}
        assert driver.record.turns == (
            Turn(0, "assistant", "Welcome"),
            Turn(1, "user", "hello"),
            Turn(2, "assistant", "You said: hello"),
        )

    def test_the_handler_sees_the_callers_sentence_as_the_latest_turn(self) -> None:
        heard: list[str] = []
        driver = CallDriver(lambda event, call: heard.append(call.history[-1].text))

        driver.send("user_speak", text="hello")

        assert heard == ["hello"]

    def test_session_members_missing_from_an_event_come_from_earlier_events(self) -> None:
        numbers: list[str | None] = []
        driver = CallDriver(lambda event, call: numbers.append(call.session.from_phone_number))

        driver.send("session_start", session={"from_phone_number": "493023125001"})
        driver.send("user_speak", text="hello")

        assert numbers == ["493023125001", "493023125001"]

    def test_the_transcript_is_complete_when_the_history_is_not(self) -> None:
        lengths: list[tuple[int, int]] = []

        def measure(event: Event, call: Call) -> Reply:
            lengths.append((len(call.history), len(call.transcript())))
            return "Yes"

        driver = CallDriver(measure)
        for number in range(60):
            driver.send("user_speak", text=f"sentence {number}")

        inline, whole = lengths[-1]
        assert inline < 60
        assert whole == 118  # the caller's current sentence is not committed yet

    def test_an_event_that_changes_nothing_is_not_written(self) -> None:
        driver = CallDriver(lambda event, call: None)
        driver.send("session_start")
        version = driver.record.version

        driver.send("assistant_speak", duration_ms=900, speech_started_at=1)

        assert driver.record.version == version

    @pytest.mark.parametrize("value", [object(), float("nan"), "x" * 20_000])
    def test_state_that_cannot_be_stored_stores_nothing_of_the_event(self, value: object) -> None:
        def hoard(event: Event, call: Call) -> Reply:
            call.state["hoard"] = value if isinstance(event, UserSpeak) else "little"
            return "Welcome"

        driver = CallDriver(hoard)
        driver.send("session_start")

        assert driver.send("user_speak", text="more") == APOLOGY
        assert driver.record.state == {"hoard": "little"}
        assert driver.log.entries()[-1]["reason"] == "state"

    def test_a_handler_that_fails_after_changing_the_state_changes_nothing(self) -> None:
        def stumble(event: Event, call: Call) -> Reply:
            call.state.setdefault("steps", []).append("one")
            if call.history:
                raise RuntimeError
            return None

        driver = CallDriver(stumble)
        driver.send("session_start")
        driver.send("user_speak", text="hello")

        assert driver.record.state == {"steps": ["one"]}


class TestEndedCalls:
    def test_after_session_end_every_event_gets_204_without_the_handler(self) -> None:
        driver = CallDriver(echo)
        driver.send("session_start")
        driver.send("session_end")
        ended = driver.record

        for name in ("session_start", "user_speak", "dtmf_received", "session_end"):
            assert driver.send(name, text="hello", digit="1") is None
            assert driver.outcome == "late"

        assert driver.record == ended

    def test_an_ended_call_rejects_even_a_duplicate_of_an_earlier_event(self) -> None:
        driver = CallDriver(echo)
        driver.send("user_speak", text="hello")
        driver.send_at_once("session_end")

        assert driver.send_at_once("user_speak", text="hello") is None

    def test_session_end_gets_204_whatever_the_handler_returns_and_stores_its_state(self) -> None:
        driver = CallDriver(echo)

        assert driver.send("session_end") is None
        assert (driver.record.status, driver.record.state) == (Status.ENDED, {"events": 1})

    def test_a_lost_hangup_is_sent_again(self) -> None:
        driver = CallDriver(lambda event, call: call.hangup())
        driver.send("user_speak", text="bye")

        assert driver.types("user_speak", text="hello?") == ["hangup"]
        assert driver.types("assistant_speech_ended") == []
        assert driver.types("session_end") == []
        assert driver.record.status is Status.ENDED

    def test_a_session_id_reused_after_its_call_expired_starts_a_new_call(self) -> None:
        driver = CallDriver(echo)
        driver.send("session_start")
        driver.send("session_end")
        driver.clock.advance(86_400)

        assert driver.types("session_start") == ["speak"]
        assert driver.record.state == {"events": 1}


class TestDeduplication:
    def test_the_same_text_within_a_second_gets_the_same_answer_without_the_handler(self) -> None:
        driver = CallDriver(echo)
        first = driver.send("user_speak", text="yes")

        driver.clock.advance(0.5)

        assert driver.send_at_once("user_speak", text="yes") == first
        assert driver.outcome == "duplicate"
        assert driver.record.state == {"events": 1}

    def test_the_same_text_later_is_a_new_turn(self) -> None:
        driver = CallDriver(echo)
        driver.send("user_speak", text="yes")

        driver.clock.advance(0.7)
        driver.send_at_once("user_speak", text="yes")

        assert driver.record.state == {"events": 2}

    def test_the_same_key_pressed_twice_is_two_events(self) -> None:
        driver = CallDriver(echo)
        driver.send("dtmf_received", digit="1")
        driver.send_at_once("dtmf_received", digit="1")

        assert driver.record.state == {"events": 2}

    def test_a_replayed_answer_contains_no_billable_action(self) -> None:
        def text_and_transfer(event: Event, call: Call) -> Reply:
            return [
                call.send_sms("493023125001", "Hello"),
                call.speak("Sent"),
                call.transfer(
                    "493023125002", caller_id_name="Agent", caller_id_number="493023125003"
                ),
            ]

        driver = CallDriver(text_and_transfer, settings=TEXTING)

        assert driver.types("user_speak", text="go") == ["send_sms", "speak", "transfer"]
        assert driver.send_at_once("user_speak", text="go")["type"] == "speak"

    def test_a_repeated_session_start_gets_the_greeting_again(self) -> None:
        driver = CallDriver(echo)
        first = driver.send("session_start")

        assert driver.send("session_start") == first
        assert driver.record.state == {"events": 1}

    def test_a_session_start_in_the_middle_of_a_call_is_silent_and_resets_nothing(self) -> None:
        driver = CallDriver(echo)
        driver.send("session_start")
        driver.send("user_speak", text="hello")

        assert driver.send("session_start") is None
        assert driver.record.state == {"events": 2}

    def test_a_late_session_start_still_runs_its_handler(self) -> None:
        driver = CallDriver(echo)
        driver.send("user_speak", text="hello")

        assert driver.send("session_start")["text"] == "Welcome"

    def test_an_answer_too_large_to_store_is_not_replayed(self) -> None:
        driver = CallDriver(lambda event, call: "word " * 1000)
        driver.send("user_speak", text="tell me all")

        assert driver.send_at_once("user_speak", text="tell me all") is None
        assert driver.outcome == "duplicate"


class TestTransfer:
    def connect(self, event: Event, call: Call) -> Reply:
        """Transfer on any text; on a start, tell whether a transfer failed."""
        if isinstance(event, UserSpeak):
            return call.transfer(
                "+493023125002",
                caller_id_name="Agent",
                caller_id_number="+493023125003",
                timeout=30,
            )
        return "Could not reach them" if call.transfer_failed else "Welcome"

    def test_a_session_start_after_a_transfer_means_that_the_transfer_failed(self) -> None:
        driver = CallDriver(self.connect)
        driver.send("session_start")
        driver.send("user_speak", text="a person, please")
        assert driver.record.status.value == "transferring"

        assert driver.send("session_start")["text"] == "Could not reach them"
        assert driver.record.status.value == "active"
        assert len(driver.record.turns) == 3

    def test_the_same_transfer_may_be_tried_again_after_it_failed(self) -> None:
        driver = CallDriver(self.connect)
        for _ in range(2):
            driver.send("session_start")
            assert driver.types("user_speak", text="a person, please") == ["transfer"]

    def test_the_same_transfer_is_sent_once_while_it_is_in_progress(self) -> None:
        driver = CallDriver(self.connect)
        driver.send("user_speak", text="a person, please")

        assert driver.types("user_speak", text="hello?") == []


class TestBillableActions:
    def remind(self, event: Event, call: Call) -> Reply:
        """Send the same reminder after every event."""
        return call.send_sms("493023125001", "Monday, nine o'clock")

    def test_the_same_message_is_sent_once_per_call(self) -> None:
        driver = CallDriver(self.remind, settings=TEXTING)

        assert driver.types("user_speak", text="remind me") == ["send_sms"]
        assert driver.types("user_speak", text="remind me, please") == []

    def test_the_same_message_is_sent_once_more_after_each_failure(self) -> None:
        driver = CallDriver(self.remind, settings=TEXTING)
        driver.send("user_speak", text="remind me")

        assert driver.types("sms_failed", reason="unknown") == ["send_sms"]
        assert driver.types("user_speak", text="and again") == []


class TestConcurrentInvocations:
    class ContendedStore(InMemorySessionStore):
        """A store in which another invocation commits first, a given number of times."""

        def __init__(self, clock: Clock, rivals: int, item: SessionRecord) -> None:
            super().__init__(clock)
            self._rivals = rivals
            self._item = item

        def commit(self, record: SessionRecord) -> None:
            """Commit the rival's version first."""
            if self._rivals:
                self._rivals -= 1
                current = self.load(record.session_id) or self._item
                super().commit(current.next_version("rival", record.expires_at))
            super().commit(record)

    def with_rival(self, driver: CallDriver, times: int) -> CallDriver:
        """Give a driver a store with a rival."""
        item = SessionRecord(session_id=driver.session_id, state={"rival": True})
        store = self.ContendedStore(driver.clock, times, item)
        driver.runtime = make_runtime(store, driver.clock, stream=driver.log)
        return driver

    def test_on_a_conflict_the_handler_runs_again_on_the_newer_record(self) -> None:
        driver = self.with_rival(CallDriver(echo), 1)

        assert driver.send("user_speak", text="hello")["text"] == "You said: hello"
        assert driver.record.state == {"rival": True, "events": 1}
        assert [turn.text for turn in driver.record.turns] == ["hello", "You said: hello"]
        assert driver.log.metrics()[-1]["StoreRetry"] == [1]

    def test_five_lost_commits_in_a_row_lead_to_an_apology(self) -> None:
        driver = self.with_rival(CallDriver(echo), 5)

        assert driver.send("user_speak", text="hello") == APOLOGY

    def test_one_of_two_concurrent_deliveries_of_an_event_answers(self) -> None:
        answers: list[Any] = []
        driver = CallDriver(echo)

        def overlapped(event: Event, call: Call) -> Reply:
            if not answers:  # deliver the same event to another invocation meanwhile
                answers.append("...")
                answers[0] = invoke(entrypoint(echo), body, driver.runtime).body
            return echo(event, call)

        body = {"type": "user_speak", "text": "yes", "session": {"id": driver.session_id}}
        second = invoke(entrypoint(overlapped), body, driver.runtime)

        assert answers[0]["text"] == "You said: yes"
        assert second == (204, None)
        assert driver.record.state == {"events": 1}
        assert [turn.text for turn in driver.record.turns] == ["yes", "You said: yes"]

    def test_a_slow_duplicate_is_detected_after_many_newer_turns(
        self,
    ) -> None:
        driver = CallDriver(echo)
        said: list[str] = []

        def overlapped(event: Event, call: Call) -> Reply:
            if not said:
                said.extend(["yes", "one", "two", "three", "four", "five"])
                for text in said:
                    driver.send_at_once("user_speak", text=text)
            return echo(event, call)

        body = {"type": "user_speak", "text": "yes", "session": {"id": driver.session_id}}
        assert invoke(entrypoint(overlapped), body, driver.runtime) == (204, None)
        assert [turn.text for turn in driver.record.turns if turn.role == "user"] == said

    def test_two_different_sentences_at_once_are_both_answered_and_stored(
        self,
    ) -> None:
        inner: list[Any] = []
        driver = CallDriver(echo)

        def overlapped(event: Event, call: Call) -> Reply:
            if not inner:
                inner.append(None)
                other = {"type": "user_speak", "text": "two", "session": {"id": driver.session_id}}
                inner[0] = invoke(entrypoint(echo), other, driver.runtime).body
            return echo(event, call)

        body = {"type": "user_speak", "text": "one", "session": {"id": driver.session_id}}
        outer = invoke(entrypoint(overlapped), body, driver.runtime).body

        assert (inner[0]["text"], outer["text"]) == ("You said: two", "You said: one")
        assert driver.record.state == {"events": 2}
        assert [turn.number for turn in driver.record.turns] == [0, 1, 2, 3]


class TestFailure:
    class Down(InMemorySessionStore):
        """A store that does not answer."""

        def load(self, session_id: str) -> SessionRecord | None:
            """Fail."""
            raise StoreUnavailable("the table did not answer: ReadTimeoutError")

    @pytest.mark.parametrize(
        "name", ["session_start", "user_speak", "dtmf_received", "user_input_timeout", "sms_failed"]
    )
    def test_without_the_store_the_caller_hears_the_apology(self, name: str) -> None:
        driver = CallDriver(echo, sessions=self.Down(Clock()))

        assert driver.send(name, text="hello", digit="1") == APOLOGY
        assert driver.log.entries()[-1]["reason"] == "store"
        assert driver.log.metrics()[-1]["DegradedAnswer"] == [1]

    @pytest.mark.parametrize(
        "name", ["assistant_speak", "assistant_speech_ended", "session_end", "user_speech_started"]
    )
    def test_without_the_store_an_event_that_expects_no_answer_gets_204(self, name: str) -> None:
        driver = CallDriver(echo, sessions=self.Down(Clock()))

        assert driver.send(name) is None
        assert driver.outcome == "degraded"

    def test_the_apology_text_is_a_setting(self) -> None:
        settings = make_settings(apology_message="Entschuldigung, bitte noch einmal.")
        driver = CallDriver(echo, sessions=self.Down(Clock()), settings=settings)

        assert driver.send("session_start")["text"] == "Entschuldigung, bitte noch einmal."

    def test_a_handler_error_is_logged_by_type_and_location_without_its_message(self) -> None:
        def leak(event: Event, call: Call) -> Reply:
            raise ValueError(f"cannot handle {event}")

        driver = CallDriver(leak)
        assert driver.send("user_speak", text="my number is 12345") == APOLOGY

        entry = driver.log.entries()[-1]
        assert entry["error"] == "ValueError"
        assert "test_processor.py" in str(entry["where"])
        assert "12345" not in driver.log.getvalue()

    def test_an_invalid_action_is_named_in_the_log_without_its_value(self) -> None:
        driver = CallDriver(
            lambda event, call: call.speak("Hi", user_input_timeout_seconds=-987654321)
        )

        assert driver.send("user_speak", text="hello") == APOLOGY
        assert "speak/user_input_timeout_seconds" in str(driver.log.entries()[-1]["detail"])
        assert "987654321" not in driver.log.getvalue()

    def test_an_answer_over_the_size_limit_becomes_the_apology(self) -> None:
        clip = load_audio(wav(bytes(32_000 * 130)))
        driver = CallDriver(lambda event, call: call.audio(clip))

        assert driver.send("user_speak", text="music") == APOLOGY
        assert driver.log.entries()[-1]["reason"] == "answer_too_large"

    def test_a_call_may_start_with_any_event(self) -> None:
        driver = CallDriver(echo)

        assert driver.send("user_speak", text="hello")["text"] == "You said: hello"
        assert driver.record.version == 1


class TestRecordAfterFailure:
    """A handler failure does not undo the event itself."""

    @staticmethod
    def failing_on(name: str) -> CallDriver:
        """Return an agent that says goodbye and hangs up, but fails on one event or text."""

        def handle(event: Event, call: Call) -> Reply:
            call.state["seen"] = event.type
            if event.type == name or (isinstance(event, UserSpeak) and event.text == name):
                raise ValueError("no answer")
            if isinstance(event, UserSpeak):
                return call.speak("Goodbye.").then(call.hangup())
            return None

        return CallDriver(handle)

    def test_a_caller_who_keeps_talking_is_not_hung_up_on_when_the_handler_fails(self) -> None:
        driver = self.failing_on("no, wait")
        driver.send("user_speak", text="bye")
        assert driver.send("user_speak", text="no, wait") == APOLOGY
        assert driver.send("assistant_speech_ended") is None
        assert (driver.record.status, driver.record.open_playbacks) == (Status.ACTIVE, 0)

    def test_the_callers_text_and_the_apology_are_in_the_history(self) -> None:
        driver = self.failing_on("life")
        driver.send("user_speak", text="life")
        assert [turn.text for turn in driver.record.turns] == ["life", APOLOGY["text"]]
        assert driver.record.state == {}

    def test_a_duplicate_within_a_second_gets_the_apology_again_without_a_second_turn(
        self,
    ) -> None:
        driver = self.failing_on("life")
        driver.send("user_speak", text="life")
        assert driver.send_at_once("user_speak", text="life") == APOLOGY
        assert driver.outcome == "duplicate"
        assert len(driver.record.turns) == 2

    def test_session_end_ends_the_call_although_its_handler_fails(self) -> None:
        driver = self.failing_on("session_end")
        driver.send("session_start")
        assert driver.send("session_end") is None
        assert driver.record.status is Status.ENDED
        assert driver.send("user_speak", text="hello") is None
        assert driver.outcome == "late"

    def test_a_failed_load_is_not_tried_again(self) -> None:
        asked: list[str] = []

        class Down(TestFailure.Down):
            """A store that records its loads."""

            def load(self, session_id: str) -> SessionRecord | None:
                """Record the load, and fail."""
                asked.append(session_id)
                return super().load(session_id)

        assert CallDriver(echo, sessions=Down(Clock())).send("user_speak", text="hello") == APOLOGY
        assert asked == ["session-123"]


class TestRouting:
    def test_an_event_of_another_function_is_acknowledged_and_not_handled(self) -> None:
        def only_text(event: UserSpeak, call: Call) -> Reply:
            return event.text

        driver = CallDriver(entrypoint(only_text))

        assert driver.send("session_start") is None
        assert driver.outcome == "misrouted"

    def test_an_event_of_an_unknown_type_is_acknowledged_without_using_the_store(self) -> None:
        driver = CallDriver(echo, sessions=TestFailure.Down(Clock()))

        assert driver.send("conference_started") is None
        assert driver.log.entries()[-1]["event_type"] == "other"

    def test_a_handler_may_handle_several_types(self) -> None:
        def both(event: UserSpeak | DtmfReceived, call: Call) -> Reply:
            return "Yes"

        driver = CallDriver(entrypoint(both))

        assert driver.types("dtmf_received", digit="1") == ["speak"]
        assert driver.types("user_speak", text="hello") == ["speak"]
        assert driver.types("session_start") == []

    def test_a_handler_without_annotation_is_rejected_at_definition(self) -> None:
        def bare(event, call):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
            return None

        with pytest.raises(TypeError, match="event needs an annotation"):
            entrypoint(bare)  # pyright: ignore[reportUnknownArgumentType] - untyped on purpose

    def test_an_account_that_is_not_allowed_gets_403(self) -> None:
        runtime = make_runtime(settings=make_settings(allowed_account_ids="a, b"))
        event = {"type": "session_start", "session": {"id": "1", "account_id": "c"}}

        assert invoke(entrypoint(echo), event, runtime).status == 403
        event["session"] = {"id": "1", "account_id": "b"}
        assert invoke(entrypoint(echo), event, runtime).status == 200
        event["session"] = {"id": "1"}
        assert invoke(entrypoint(echo), event, runtime).status == 200

    def test_a_record_expires_a_day_after_the_last_event_that_wrote_it(self) -> None:
        driver = CallDriver(echo)
        driver.send("session_start")

        assert driver.record.expires_at == int(NOW) + 60 + 86_400
