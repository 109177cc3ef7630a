"""Answers that came to nothing: two apologies in a row, and then the end."""

from collections.abc import Iterator
from typing import Any

import pytest

from aiflow import Call, Event, Reply, UserSpeak
from aiflow.errors import StoreUnavailable
from aiflow.sessions.codec import to_attributes
from aiflow.sessions.memory import InMemorySessionStore
from aiflow.sessions.record import SessionRecord, Status
from aiflow.settings import Settings
from tests.helpers.in_process import Line
from tests.helpers.items import whole_item
from tests.helpers.runtime import Clock, make_settings
from tests.helpers.websocket_in_process import WebSocketLine

APOLOGY = "Sorry, something went wrong. Please say that again."
TROUBLE = "I am sorry, we have a technical problem."
CALLER, PREMIUM = "491713920050", "499001234567"


def fail(event: Event, call: Call) -> Reply:
    """Answer the word `good` and stay silent at `quiet`; at everything else, fail."""
    if isinstance(event, UserSpeak) and event.text in {"good", "quiet"}:
        return "Good." if event.text == "good" else None
    raise ZeroDivisionError


def failing(settings: Settings | None = None) -> Line:
    return Line(fail, settings=settings)


def said(answer: Any) -> str:  # noqa: ANN401 - JSON
    """Return what is said in an answer of one action."""
    text: str = answer["text"]
    return text


def hears(line: Line, *words: str) -> list[str]:
    """Let the caller say something, several times; return the answers."""
    return [said(line.send("user_speak", text=text)) for text in words]


class TestTheThirdTime:
    def test_after_two_apologies_in_a_row_the_caller_is_told_and_hung_up_on(self) -> None:
        line = failing()
        assert hears(line, "one", "two", "three") == [APOLOGY, APOLOGY, TROUBLE]
        assert line.types("assistant_speech_ended") == ["hangup"]
        assert line.item.status is Status.HANGING_UP

    def test_it_cannot_be_interrupted_and_the_input_timeout_stands_in_for_its_end(self) -> None:
        line = failing()
        hears(line, "one", "two")
        answer = line.send("user_speak", text="three")
        assert answer["barge_in"] == {"strategy": "none"}
        assert answer["user_input_timeout_seconds"] == 8
        assert line.types("user_input_timeout") == ["hangup"]

    def test_whatever_the_caller_waited_for_counts(self) -> None:
        line = failing()
        answers = [
            said(line.send(name, text="Hi", digit="1"))
            for name in ("session_start", "dtmf_received", "user_input_timeout")
        ]
        assert answers == [APOLOGY, APOLOGY, TROUBLE]

    def test_what_nobody_waits_for_does_not_count(self) -> None:
        line = failing()
        for _ in range(5):
            assert line.send("assistant_speech_ended") is None
        assert hears(line, "one", "two") == [APOLOGY, APOLOGY]

    def test_an_answer_in_between_begins_anew(self) -> None:
        line = failing()
        answers = hears(line, "one", "two", "good", "three", "four", "five")
        assert answers == [APOLOGY, APOLOGY, "Good.", APOLOGY, APOLOGY, TROUBLE]

    def test_silence_in_between_does_not(self) -> None:
        line = failing()
        hears(line, "one", "two")
        assert line.send("user_speak", text="quiet") is None
        assert hears(line, "three") == [TROUBLE]

    def test_whoever_goes_on_is_hung_up_on_and_no_handler_is_asked(self) -> None:
        line = failing()
        hears(line, "one", "two", "three")
        assert line.types("user_speak", text="good") == ["hangup"]

    def test_every_one_of_them_is_counted_as_degraded(self) -> None:
        line = failing()
        hears(line, "one", "two", "three")
        assert [entry["outcome"] for entry in line.log.entries()] == ["degraded"] * 3
        assert [blob["DegradedAnswer"] for blob in line.log.metrics()] == [[1]] * 3

    def test_a_repetition_hears_the_same_again_and_is_not_counted(self) -> None:
        line = failing()
        hears(line, "one")
        for _ in range(3):
            assert said(line.send_at_once("user_speak", text="one")) == APOLOGY
        assert line.item.consecutive_failures == 1

    def test_the_sentence_is_the_operators_own(self) -> None:
        line = failing(make_settings(failure_message="Technische Störung."))
        assert hears(line, "one", "two", "three")[-1] == "Technische Störung."

    def test_what_waited_for_an_earlier_speech_does_not_come_any_more(self) -> None:
        def announce(event: Event, call: Call) -> Reply:
            if not isinstance(event, UserSpeak):
                raise ZeroDivisionError
            return call.speak("One moment.").then(call.barge_in())

        line = Line(announce)
        line.send("user_speak", text="go")
        for number in range(3):
            line.send("sms_failed", reason=f"{number}")
        assert [follower["type"] for follower in line.item.deferred_actions] == ["hangup"]

    def test_over_a_websocket_it_is_the_same(self) -> None:
        def begin(event: Event, call: Call) -> Iterator[Reply]:
            if isinstance(event, UserSpeak):
                raise ZeroDivisionError
            yield "Welcome."

        line = WebSocketLine(begin)
        for number in range(3):
            line.send("user_speak", text=f"{number}")
        assert line.mailbox.texts == [APOLOGY, APOLOGY, TROUBLE]
        line.clock.advance(60)
        line.send("assistant_speech_ended")
        assert line.mailbox.actions[-1]["type"] == "hangup"


class TestTheFallback:
    def end(self, settings: Settings, **session: str) -> Any:  # noqa: ANN401 - JSON
        """Let three answers fail; return what comes when the caller has heard why."""
        line = failing(settings)
        line.send("user_speak", text="one", session=session)
        hears(line, "two", "three")
        return line.send("assistant_speech_ended")

    def test_the_caller_is_transferred_when_the_sentence_has_been_heard(self) -> None:
        settings = make_settings(fallback_number="+493023125099", service_name="agent")
        assert self.end(settings, from_phone_number=f"+{CALLER}") == {
            "type": "transfer",
            "session_id": "session-123",
            "target_phone_number": "493023125099",
            "caller_id_name": "agent",
            "caller_id_number": CALLER,
        }

    @pytest.mark.parametrize("caller", ["", "anonymous", "030 23125"])
    def test_of_an_anonymous_caller_the_number_is_not_shown(self, caller: str) -> None:
        settings = make_settings(fallback_number="493023125099")
        assert self.end(settings, from_phone_number=caller)["caller_id_number"] == "493023125099"

    def test_what_the_operator_chose_needs_no_allowance(self) -> None:
        settings = make_settings(fallback_number=PREMIUM)
        assert self.end(settings)["target_phone_number"] == PREMIUM

    @pytest.mark.parametrize(
        "limits",
        [
            {"billable_actions": "disabled"},
            {"max_transfers": 0},
        ],
    )
    def test_where_it_may_not_leave_the_call_ends(self, limits: dict[str, object]) -> None:
        settings = make_settings(fallback_number="493023125099", **limits)
        assert self.end(settings)["type"] == "hangup"

    def test_a_fallback_to_the_number_that_was_called_would_come_back(self) -> None:
        settings = make_settings(fallback_number="493023125000")
        assert self.end(settings, to_phone_number="493023125000")["type"] == "hangup"

    def test_words_that_overtake_the_transfer_do_not_cut_it_off(self) -> None:
        line = failing(make_settings(fallback_number="493023125099"))
        hears(line, "one", "two", "three")
        line.send("assistant_speech_ended")
        assert line.send("user_speak", text="thank you") is None
        assert line.item.status is Status.TRANSFERRING

    @pytest.mark.parametrize("name", ["session_start", "user_input_timeout"])
    def test_a_transfer_that_came_to_nothing_ends_the_call(self, name: str) -> None:
        line = failing(make_settings(fallback_number="493023125099"))
        hears(line, "one", "two", "three")
        line.send("assistant_speech_ended")
        assert line.types(name) == ["hangup"]


class TestWithoutTheStore:
    class ReadOnly(InMemorySessionStore):
        """A store that reads, and does not write."""

        def commit(self, item: SessionRecord) -> None:
            """Fail."""
            raise StoreUnavailable("the table did not answer: ReadTimeoutError")

    def test_nothing_is_counted_and_every_answer_is_an_apology(self) -> None:
        line = Line(fail, sessions=self.ReadOnly(Clock()))
        assert hears(line, *"abcdef") == [APOLOGY] * 6

    def test_nothing_that_costs_money_leaves(self) -> None:
        def move(event: Event, call: Call) -> Reply:
            return call.transfer(CALLER, caller_id_name="A", caller_id_number=CALLER)

        line = Line(move, sessions=self.ReadOnly(Clock()))
        assert hears(line, *"abc") == [APOLOGY] * 3


def test_items_of_an_earlier_version_have_none_to_count() -> None:
    attributes = to_attributes(whole_item("session-123"))
    del attributes["consecutive_failures"]
    assert SessionRecord.from_attributes("session-123", attributes).consecutive_failures == 0
