"""One event's way through its call: fence, repetition, handler, check, commit and failure."""

from typing import Any

import pytest

from aiflow import Call, DtmfReceived, Event, Reply, UserSpeak, entrypoint, load_audio
from aiflow.errors import StoreUnavailable
from aiflow.sessions.memory import InMemorySessionStore
from aiflow.sessions.record import SessionRecord, Status, Turn
from tests.helpers.in_process import Line
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


class TestWhatAHandlerReturns:
    @pytest.mark.parametrize("reply", [None, "", "  \n", []])
    def test_nothing_to_say_is_204_without_a_body(self, reply: Reply) -> None:
        line = Line(lambda event, call: reply)

        assert line.send("user_speak", text="hello") is None
        assert line.outcome == "silent"

    def test_text_is_spoken_and_one_action_is_an_object(self) -> None:
        assert Line(echo).send("user_speak", text="hello") == {
            "type": "speak",
            "session_id": "session-123",
            "text": "You said: hello",
        }

    def test_several_actions_are_an_array_in_their_order(self) -> None:
        line = Line(lambda event, call: [call.barge_in(), call.speak("Stop")])

        assert line.types("dtmf_received", digit="1") == ["barge_in", "speak"]

    @pytest.mark.parametrize("reply", [42, {"type": "hangup"}, [None], object()])
    def test_anything_else_is_a_mistake_that_the_caller_hears_as_an_apology(
        self, reply: Reply
    ) -> None:
        line = Line(lambda event, call: reply)

        assert line.send("user_speak", text="hello") == APOLOGY
        assert line.log.entries()[-1]["reason"] == "invalid_action"

    def test_an_action_for_another_session_is_put_right_and_counted(self) -> None:
        def mix_up(event: Event, call: Call) -> Reply:
            return call.speak("One").model_copy(update={"session_id": "somebody-else"})

        line = Line(mix_up)

        assert line.send("user_speak", text="hello")["session_id"] == "session-123"
        assert line.log.metrics()[-1]["SessionIdCorrected"] == [1]

    def test_what_the_linter_thinks_of_an_answer_is_logged_by_its_code(self) -> None:
        line = Line(lambda event, call: [call.speak("Bye"), call.hangup()])

        assert line.types("user_speak", text="bye") == ["speak", "hangup"]
        assert line.log.entries()[-1]["problems"] == ["cut_off"]


class TestState:
    def test_state_and_history_reach_the_next_event(self) -> None:
        line = Line(echo)

        line.send("session_start")
        line.send("user_speak", text="hello")

        assert line.item.state == {"events": 2}
        assert line.item.turns == (
            Turn(0, "assistant", "Welcome"),
            Turn(1, "user", "hello"),
            Turn(2, "assistant", "You said: hello"),
        )

    def test_the_handler_sees_what_the_caller_just_said_as_the_latest_turn(self) -> None:
        heard: list[str] = []
        line = Line(lambda event, call: heard.append(call.history[-1].text))

        line.send("user_speak", text="hello")

        assert heard == ["hello"]

    def test_what_an_event_does_not_bring_is_filled_in_from_earlier_ones(self) -> None:
        numbers: list[str | None] = []
        line = Line(lambda event, call: numbers.append(call.session.from_phone_number))

        line.send("session_start", session={"from_phone_number": "493023125001"})
        line.send("user_speak", text="hello")

        assert numbers == ["493023125001", "493023125001"]

    def test_the_whole_transcript_is_there_when_the_history_is_not(self) -> None:
        lengths: list[tuple[int, int]] = []

        def measure(event: Event, call: Call) -> Reply:
            lengths.append((len(call.history), len(call.transcript())))
            return "Yes"

        line = Line(measure)
        for number in range(60):
            line.send("user_speak", text=f"sentence {number}")

        inline, whole = lengths[-1]
        assert inline < 60
        assert whole == 118  # the words of the event itself are not committed yet

    def test_an_event_that_changes_nothing_is_not_written(self) -> None:
        line = Line(lambda event, call: None)
        line.send("session_start")
        version = line.item.version

        line.send("assistant_speak", duration_ms=900, speech_started_at=1)

        assert line.item.version == version

    @pytest.mark.parametrize("value", [object(), float("nan"), "x" * 20_000])
    def test_state_that_cannot_be_kept_keeps_nothing_of_the_event(self, value: object) -> None:
        def hoard(event: Event, call: Call) -> Reply:
            call.state["hoard"] = value if isinstance(event, UserSpeak) else "little"
            return "Welcome"

        line = Line(hoard)
        line.send("session_start")

        assert line.send("user_speak", text="more") == APOLOGY
        assert line.item.state == {"hoard": "little"}
        assert line.log.entries()[-1]["reason"] == "state"

    def test_a_handler_that_fails_after_changing_the_state_changed_nothing(self) -> None:
        def stumble(event: Event, call: Call) -> Reply:
            call.state.setdefault("steps", []).append("one")
            if call.history:
                raise RuntimeError
            return None

        line = Line(stumble)
        line.send("session_start")
        line.send("user_speak", text="hello")

        assert line.item.state == {"steps": ["one"]}


class TestTheFence:
    def test_after_session_end_every_event_is_204_and_no_handler_is_asked(self) -> None:
        line = Line(echo)
        line.send("session_start")
        line.send("session_end")
        ended = line.item

        for name in ("session_start", "user_speak", "dtmf_received", "session_end"):
            assert line.send(name, text="hello", digit="1") is None
            assert line.outcome == "late"

        assert line.item == ended

    def test_the_fence_stands_before_the_repetition(self) -> None:
        line = Line(echo)
        line.send("user_speak", text="hello")
        line.send_at_once("session_end")

        assert line.send_at_once("user_speak", text="hello") is None

    def test_session_end_is_204_whatever_its_handler_says_and_its_state_is_kept(self) -> None:
        line = Line(echo)

        assert line.send("session_end") is None
        assert (line.item.status, line.item.state) == (Status.ENDED, {"events": 1})

    def test_a_hang_up_whose_answer_was_lost_is_said_again(self) -> None:
        line = Line(lambda event, call: call.hangup())
        line.send("user_speak", text="bye")

        assert line.types("user_speak", text="hello?") == ["hangup"]
        assert line.types("assistant_speech_ended") == []
        assert line.types("session_end") == []
        assert line.item.status is Status.ENDED

    def test_a_session_id_that_comes_again_after_its_call_expired_is_a_new_call(self) -> None:
        line = Line(echo)
        line.send("session_start")
        line.send("session_end")
        line.clock.advance(86_400)

        assert line.types("session_start") == ["speak"]
        assert line.item.state == {"events": 1}


class TestRepetition:
    def test_the_same_words_within_a_second_get_the_same_answer_without_the_handler(self) -> None:
        line = Line(echo)
        first = line.send("user_speak", text="yes")

        line.clock.advance(0.5)

        assert line.send_at_once("user_speak", text="yes") == first
        assert line.outcome == "duplicate"
        assert line.item.state == {"events": 1}

    def test_the_same_words_later_are_a_new_turn(self) -> None:
        line = Line(echo)
        line.send("user_speak", text="yes")

        line.clock.advance(0.7)
        line.send_at_once("user_speak", text="yes")

        assert line.item.state == {"events": 2}

    def test_a_key_pressed_twice_is_two_keys(self) -> None:
        line = Line(echo)
        line.send("dtmf_received", digit="1")
        line.send_at_once("dtmf_received", digit="1")

        assert line.item.state == {"events": 2}

    def test_a_repeated_answer_never_costs_money_again(self) -> None:
        def text_and_transfer(event: Event, call: Call) -> Reply:
            return [
                call.send_sms("493023125001", "Hello"),
                call.speak("Sent"),
                call.transfer(
                    "493023125002", caller_id_name="Agent", caller_id_number="493023125003"
                ),
            ]

        line = Line(text_and_transfer, settings=TEXTING)

        assert line.types("user_speak", text="go") == ["send_sms", "speak", "transfer"]
        assert line.send_at_once("user_speak", text="go")["type"] == "speak"

    def test_a_greeting_whose_answer_may_have_been_lost_is_said_again(self) -> None:
        line = Line(echo)
        first = line.send("session_start")

        assert line.send("session_start") == first
        assert line.item.state == {"events": 1}

    def test_a_second_start_in_the_middle_of_a_call_is_silent_and_resets_nothing(self) -> None:
        line = Line(echo)
        line.send("session_start")
        line.send("user_speak", text="hello")

        assert line.send("session_start") is None
        assert line.item.state == {"events": 2}

    def test_a_start_that_comes_late_is_a_start(self) -> None:
        line = Line(echo)
        line.send("user_speak", text="hello")

        assert line.send("session_start")["text"] == "Welcome"

    def test_an_answer_too_large_to_keep_is_not_repeated_but_silent(self) -> None:
        line = Line(lambda event, call: "word " * 1000)
        line.send("user_speak", text="tell me all")

        assert line.send_at_once("user_speak", text="tell me all") is None
        assert line.outcome == "duplicate"


class TestTransfer:
    def connect(self, event: Event, call: Call) -> Reply:
        """Transfer on every word; say how a start came about."""
        if isinstance(event, UserSpeak):
            return call.transfer(
                "+493023125002",
                caller_id_name="Agent",
                caller_id_number="+493023125003",
                timeout=30,
            )
        return "Could not reach them" if call.transfer_failed else "Welcome"

    def test_a_start_after_a_transfer_is_the_call_that_came_back(self) -> None:
        line = Line(self.connect)
        line.send("session_start")
        line.send("user_speak", text="a person, please")
        assert line.item.status.value == "transferring"

        assert line.send("session_start")["text"] == "Could not reach them"
        assert line.item.status.value == "active"
        assert len(line.item.turns) == 3

    def test_the_same_transfer_may_be_tried_again_after_it_failed(self) -> None:
        line = Line(self.connect)
        for _ in range(2):
            line.send("session_start")
            assert line.types("user_speak", text="a person, please") == ["transfer"]

    def test_the_same_transfer_is_decided_once_while_it_is_under_way(self) -> None:
        line = Line(self.connect)
        line.send("user_speak", text="a person, please")

        assert line.types("user_speak", text="hello?") == []


class TestPricedActions:
    def remind(self, event: Event, call: Call) -> Reply:
        """Send the same reminder, whatever happens."""
        return call.send_sms("493023125001", "Monday, nine o'clock")

    def test_the_same_message_goes_out_once_a_call(self) -> None:
        line = Line(self.remind, settings=TEXTING)

        assert line.types("user_speak", text="remind me") == ["send_sms"]
        assert line.types("user_speak", text="remind me, please") == []

    def test_it_goes_out_once_more_for_each_time_that_it_failed(self) -> None:
        line = Line(self.remind, settings=TEXTING)
        line.send("user_speak", text="remind me")

        assert line.types("sms_failed", reason="unknown") == ["send_sms"]
        assert line.types("user_speak", text="and again") == []


class TestOtherInvocations:
    class Busy(InMemorySessionStore):
        """A store in which somebody else commits right before us, so many times."""

        def __init__(self, clock: Clock, rivals: int, item: SessionRecord) -> None:
            super().__init__(clock)
            self._rivals = rivals
            self._item = item

        def commit(self, item: SessionRecord) -> None:
            """Let the rival be first."""
            if self._rivals:
                self._rivals -= 1
                current = self.load(item.session_id) or self._item
                super().commit(current.next_version("rival", item.expires_at))
            super().commit(item)

    def rival(self, line: Line, times: int) -> Line:
        """Put a rival into the store of a line."""
        item = SessionRecord(session_id=line.session_id, state={"rival": True})
        store = self.Busy(line.clock, times, item)
        line.runtime = make_runtime(store, line.clock, stream=line.log)
        return line

    def test_the_slower_of_two_starts_again_with_what_the_faster_one_left(self) -> None:
        line = self.rival(Line(echo), 1)

        assert line.send("user_speak", text="hello")["text"] == "You said: hello"
        assert line.item.state == {"rival": True, "events": 1}
        assert [turn.text for turn in line.item.turns] == ["hello", "You said: hello"]
        assert line.log.metrics()[-1]["StoreRetry"] == [1]

    def test_whoever_loses_five_times_in_a_row_apologises(self) -> None:
        line = self.rival(Line(echo), 5)

        assert line.send("user_speak", text="hello") == APOLOGY

    def test_of_one_delivery_that_arrives_twice_at_once_one_answers(self) -> None:
        answers: list[Any] = []
        line = Line(echo)

        def overlapped(event: Event, call: Call) -> Reply:
            if not answers:  # while we think, the same event is delivered to somebody else
                answers.append("...")
                answers[0] = invoke(entrypoint(echo), body, line.runtime).body
            return echo(event, call)

        body = {"type": "user_speak", "text": "yes", "session": {"id": line.session_id}}
        second = invoke(entrypoint(overlapped), body, line.runtime)

        assert answers[0]["text"] == "You said: yes"
        assert second == (204, None)
        assert line.item.state == {"events": 1}
        assert [turn.text for turn in line.item.turns] == ["yes", "You said: yes"]

    def test_a_slow_repetition_is_known_though_the_caller_has_said_much_more_meanwhile(
        self,
    ) -> None:
        line = Line(echo)
        said: list[str] = []

        def overlapped(event: Event, call: Call) -> Reply:
            if not said:
                said.extend(["yes", "one", "two", "three", "four", "five"])
                for text in said:
                    line.send_at_once("user_speak", text=text)
            return echo(event, call)

        body = {"type": "user_speak", "text": "yes", "session": {"id": line.session_id}}
        assert invoke(entrypoint(overlapped), body, line.runtime) == (204, None)
        assert [turn.text for turn in line.item.turns if turn.role == "user"] == said

    def test_two_different_sentences_at_once_are_both_answered_and_both_in_the_history(
        self,
    ) -> None:
        inner: list[Any] = []
        line = Line(echo)

        def overlapped(event: Event, call: Call) -> Reply:
            if not inner:
                inner.append(None)
                other = {"type": "user_speak", "text": "two", "session": {"id": line.session_id}}
                inner[0] = invoke(entrypoint(echo), other, line.runtime).body
            return echo(event, call)

        body = {"type": "user_speak", "text": "one", "session": {"id": line.session_id}}
        outer = invoke(entrypoint(overlapped), body, line.runtime).body

        assert (inner[0]["text"], outer["text"]) == ("You said: two", "You said: one")
        assert line.item.state == {"events": 2}
        assert [turn.number for turn in line.item.turns] == [0, 1, 2, 3]


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
        line = Line(echo, sessions=self.Down(Clock()))

        assert line.send(name, text="hello", digit="1") == APOLOGY
        assert line.log.entries()[-1]["reason"] == "store"
        assert line.log.metrics()[-1]["DegradedAnswer"] == [1]

    @pytest.mark.parametrize(
        "name", ["assistant_speak", "assistant_speech_ended", "session_end", "user_speech_started"]
    )
    def test_an_event_after_which_nobody_waits_gets_204_all_the_same(self, name: str) -> None:
        line = Line(echo, sessions=self.Down(Clock()))

        assert line.send(name) is None
        assert line.outcome == "degraded"

    def test_the_operator_chooses_the_words_of_the_apology(self) -> None:
        settings = make_settings(apology_message="Entschuldigung, bitte noch einmal.")
        line = Line(echo, sessions=self.Down(Clock()), settings=settings)

        assert line.send("session_start")["text"] == "Entschuldigung, bitte noch einmal."

    def test_an_error_is_logged_by_kind_and_place_and_never_by_its_text(self) -> None:
        def leak(event: Event, call: Call) -> Reply:
            raise ValueError(f"cannot handle {event}")

        line = Line(leak)
        assert line.send("user_speak", text="my number is 12345") == APOLOGY

        entry = line.log.entries()[-1]
        assert entry["error"] == "ValueError"
        assert "test_processor.py" in str(entry["where"])
        assert "12345" not in line.log.getvalue()

    def test_a_mistake_in_an_action_is_named_in_the_log_without_its_value(self) -> None:
        line = Line(lambda event, call: call.speak("Hi", user_input_timeout_seconds=-987654321))

        assert line.send("user_speak", text="hello") == APOLOGY
        assert "speak/user_input_timeout_seconds" in str(line.log.entries()[-1]["detail"])
        assert "987654321" not in line.log.getvalue()

    def test_an_answer_larger_than_the_way_back_carries_becomes_speech(self) -> None:
        clip = load_audio(wav(bytes(32_000 * 130)))
        line = Line(lambda event, call: call.audio(clip))

        assert line.send("user_speak", text="music") == APOLOGY
        assert line.log.entries()[-1]["reason"] == "answer_too_large"

    def test_a_call_that_was_never_seen_before_may_begin_anywhere(self) -> None:
        line = Line(echo)

        assert line.send("user_speak", text="hello")["text"] == "You said: hello"
        assert line.item.version == 1


class TestWhatAFailureLeaves:
    """The handler failed, and its event happened all the same."""

    @staticmethod
    def failing_on(name: str) -> Line:
        """An agent that says goodbye and hangs up behind it, but fails on one event."""

        def handle(event: Event, call: Call) -> Reply:
            call.state["seen"] = event.type
            if event.type == name or (isinstance(event, UserSpeak) and event.text == name):
                raise ValueError("no answer")
            if isinstance(event, UserSpeak):
                return call.speak("Goodbye.").then(call.hangup())
            return None

        return Line(handle)

    def test_whoever_goes_on_talking_is_not_hung_up_on_although_the_handler_fails(self) -> None:
        line = self.failing_on("no, wait")
        line.send("user_speak", text="bye")
        assert line.send("user_speak", text="no, wait") == APOLOGY
        assert line.send("assistant_speech_ended") is None
        assert (line.item.status, line.item.open_playbacks) == (Status.ACTIVE, 0)

    def test_what_was_said_and_the_apology_are_in_the_history(self) -> None:
        line = self.failing_on("life")
        line.send("user_speak", text="life")
        assert [turn.text for turn in line.item.turns] == ["life", APOLOGY["text"]]
        assert line.item.state == {}

    def test_a_repetition_within_a_second_hears_the_apology_again_and_is_no_second_turn(
        self,
    ) -> None:
        line = self.failing_on("life")
        line.send("user_speak", text="life")
        assert line.send_at_once("user_speak", text="life") == APOLOGY
        assert line.outcome == "duplicate"
        assert len(line.item.turns) == 2

    def test_the_end_of_a_call_is_its_end_although_its_handler_fails(self) -> None:
        line = self.failing_on("session_end")
        line.send("session_start")
        assert line.send("session_end") is None
        assert line.item.status is Status.ENDED
        assert line.send("user_speak", text="hello") is None
        assert line.outcome == "late"

    def test_without_the_store_nothing_more_is_asked_of_it(self) -> None:
        asked: list[str] = []

        class Down(TestFailure.Down):
            """One that counts."""

            def load(self, session_id: str) -> SessionRecord | None:
                """Note it, and fail."""
                asked.append(session_id)
                return super().load(session_id)

        assert Line(echo, sessions=Down(Clock())).send("user_speak", text="hello") == APOLOGY
        assert asked == ["session-123"]


class TestWhatIsAnswered:
    def test_an_event_of_another_function_is_acknowledged_and_not_handled(self) -> None:
        def only_words(event: UserSpeak, call: Call) -> Reply:
            return event.text

        line = Line(entrypoint(only_words))

        assert line.send("session_start") is None
        assert line.outcome == "misrouted"

    def test_an_event_of_an_unknown_type_is_acknowledged_without_touching_the_store(self) -> None:
        line = Line(echo, sessions=TestFailure.Down(Clock()))

        assert line.send("conference_started") is None
        assert line.log.entries()[-1]["event_type"] == "other"

    def test_a_handler_may_answer_several_types(self) -> None:
        def both(event: UserSpeak | DtmfReceived, call: Call) -> Reply:
            return "Yes"

        line = Line(entrypoint(both))

        assert line.types("dtmf_received", digit="1") == ["speak"]
        assert line.types("user_speak", text="hello") == ["speak"]
        assert line.types("session_start") == []

    def test_a_handler_without_annotation_is_refused_when_it_is_made(self) -> None:
        def bare(event, call):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
            return None

        with pytest.raises(TypeError, match="event needs an annotation"):
            entrypoint(bare)  # pyright: ignore[reportUnknownArgumentType] - that is it

    def test_an_account_that_is_not_served_gets_403(self) -> None:
        runtime = make_runtime(settings=make_settings(allowed_account_ids="a, b"))
        event = {"type": "session_start", "session": {"id": "1", "account_id": "c"}}

        assert invoke(entrypoint(echo), event, runtime).status == 403
        event["session"] = {"id": "1", "account_id": "b"}
        assert invoke(entrypoint(echo), event, runtime).status == 200
        event["session"] = {"id": "1"}
        assert invoke(entrypoint(echo), event, runtime).status == 200

    def test_an_item_expires_a_day_after_the_event_that_wrote_it(self) -> None:
        line = Line(echo)
        line.send("session_start")

        assert line.item.expires_at == int(NOW) + 60 + 86_400
