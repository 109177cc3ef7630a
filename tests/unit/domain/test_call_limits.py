"""Caps: no call talks, lasts, texts or transfers for ever."""

from collections.abc import Iterator
from typing import Any

import pytest

from aiflow import Call, Event, Reply, UserSpeak
from aiflow.sessions.codec import to_attributes
from aiflow.sessions.record import SessionRecord, Status
from tests.helpers.in_process import Line
from tests.helpers.items import whole_item
from tests.helpers.runtime import make_settings
from tests.helpers.websocket_in_process import WebSocketLine

GOODBYE = "We have to end our call here. Thank you for calling, and goodbye."
NUMBERS = [f"4930231250{number:02}" for number in range(20)]
SOMEBODY = make_settings(allowed_numbers=frozenset(NUMBERS))
REFUSAL = SOMEBODY.blocked_message


def talk(event: Event, call: Call) -> Reply:
    """Count the events, and repeat what was heard."""
    call.state["asked"] = call.state.get("asked", 0) + 1
    return event.text if isinstance(event, UserSpeak) else None


def spoken(answer: Any) -> str:  # noqa: ANN401 - JSON
    """Return what is said in an answer of one action."""
    text: str = answer["text"]
    return text


class TestTurns:
    def line(self, turns: int = 3) -> Line:
        """Return a call that has taken as many turns as it may."""
        line = Line(talk, settings=make_settings(max_turns=turns))
        for number in range(turns):
            assert spoken(line.send_at_once("user_speak", text=f"{number}")) == f"{number}"
        return line

    def test_after_the_last_turn_the_goodbye_is_said_and_then_hung_up(self) -> None:
        line = self.line()
        answer = line.send("user_speak", text="and another")
        assert spoken(answer) == GOODBYE
        assert answer["barge_in"] == {"strategy": "none"}
        assert line.types("assistant_speech_ended") == ["hangup"]
        assert line.item.status is Status.HANGING_UP

    def test_the_handler_is_not_asked_any_more_and_what_was_said_is_kept(self) -> None:
        line = self.line()
        line.send("user_speak", text="and another")
        assert line.item.state == {"asked": 3}
        assert [turn.text for turn in line.item.turns][-2:] == ["and another", GOODBYE]

    def test_it_is_logged_and_counted(self) -> None:
        line = self.line()
        line.send("user_speak", text="and another")
        assert line.log.entries()[-1]["reason"] == "max_turns"
        assert line.log.metrics()[-1]["CapReached"] == [1]

    def test_a_goodbye_whose_end_is_not_reported_is_followed_by_the_input_timeout(self) -> None:
        line = self.line()
        assert line.send("user_speak", text="more")["user_input_timeout_seconds"] == 8
        assert line.types("user_input_timeout") == ["hangup"]

    @pytest.mark.parametrize("name", ["user_speak", "dtmf_received"])
    def test_whoever_talks_into_the_goodbye_hears_it_to_its_end(self, name: str) -> None:
        line = self.line()
        line.send("user_speak", text="more")
        assert line.send_at_once(name, text="no!", digit="1") is None
        assert line.types("assistant_speech_ended") == ["hangup"]

    @pytest.mark.parametrize("name", ["user_speak", "dtmf_received", "session_start"])
    def test_whoever_goes_on_after_it_is_hung_up_on(self, name: str) -> None:
        line = self.line()
        line.send("user_speak", text="more")
        assert line.types(name, text="no!", digit="1") == ["hangup"]
        assert line.item.state == {"asked": 3}

    def test_what_is_said_into_the_goodbye_and_delivered_twice_is_there_once(self) -> None:
        line = self.line()
        line.send("user_speak", text="and another")
        for _ in range(2):
            assert line.send_at_once("user_speak", text="wait") is None
        assert [turn.text for turn in line.item.turns].count("wait") == 1

    def test_the_end_of_the_call_still_reaches_its_handler(self) -> None:
        line = self.line()
        line.send("user_speak", text="more")
        line.send("session_end")
        assert line.item.state == {"asked": 4}

    def test_keys_silences_and_repetitions_are_no_turns(self) -> None:
        line = self.line(turns=1)
        for _ in range(5):
            line.send_at_once("user_speak", text="0")
            line.send_at_once("dtmf_received", digit="1")
            line.send_at_once("user_input_timeout")
            line.send_at_once("user_speak", text=" ")
        assert line.item.caller_turns == 1
        assert not line.item.closing

    def test_the_sentence_is_the_operators_own(self) -> None:
        line = Line(talk, settings=make_settings(max_turns=1, limit_message="Schluss für heute."))
        line.send("user_speak", text="one")
        assert spoken(line.send("user_speak", text="two")) == "Schluss für heute."

    def test_whoever_is_still_answering_in_pieces_says_no_more(self) -> None:
        def ramble(event: Event, call: Call) -> Iterator[Reply]:
            yield "One moment."
            yield "And another one."

        settings = make_settings(max_turns=1)
        line = WebSocketLine(ramble, settings=settings)
        others = WebSocketLine(ramble, settings=settings, sessions=line.runtime.sessions)

        def interrupt(sent: int) -> None:
            others.send("user_speak", text="two")

        line.mailbox.afterwards = interrupt
        line.send("user_speak", text="one")
        assert line.mailbox.texts == ["One moment."]
        assert others.mailbox.texts == [GOODBYE]


class TestMinutes:
    def line(self, minutes: int = 5) -> Line:
        """Return a call in the second before it has lasted as long as it may."""
        line = Line(talk, settings=make_settings(max_minutes=minutes))
        line.send("session_start")
        line.clock.advance(minutes * 60 - 1)
        assert spoken(line.send_at_once("user_speak", text="hello")) == "hello"
        line.clock.advance(1)
        return line

    @pytest.mark.parametrize(
        "name",
        [
            *("user_speak", "dtmf_received", "user_input_timeout", "sms_failed"),
            "assistant_speech_ended",
        ],
    )
    def test_whatever_happens_next_gets_the_goodbye(self, name: str) -> None:
        line = self.line()
        answer = line.send_at_once(name, text="one more", digit="1")
        assert spoken(answer) == GOODBYE
        assert line.log.entries()[-1]["reason"] == "max_minutes"

    def test_nobody_is_hung_up_on_by_a_mere_report(self) -> None:
        line = self.line()
        assert line.send_at_once("assistant_speak", duration_ms=900) is None
        assert line.send_at_once("user_speech_started") is None
        assert not line.item.closing

    def test_they_count_from_the_first_event_whatever_it_is(self) -> None:
        line = Line(talk, settings=make_settings(max_minutes=5))
        line.send("user_speak", text="hello")
        line.send("session_start")
        line.clock.advance(240)
        assert spoken(line.send_at_once("user_speak", text="still here")) == GOODBYE

    def test_what_waits_for_a_speech_does_not_come_any_more(self) -> None:
        def announce(event: Event, call: Call) -> Reply:
            return call.speak("One moment.").then(call.barge_in())

        line = Line(announce, settings=make_settings(max_minutes=5))
        line.send("user_speak", text="hello")
        line.clock.advance(300)
        assert spoken(line.send_at_once("assistant_speech_ended")) == GOODBYE
        assert line.types("assistant_speech_ended") == ["hangup"]

    def test_a_call_that_came_back_from_a_transfer_is_no_younger(self) -> None:
        def move(event: Event, call: Call) -> Reply:
            return call.transfer(NUMBERS[0], caller_id_name="A", caller_id_number=NUMBERS[1])

        line = Line(move, settings=make_settings(max_minutes=5))
        line.send("user_speak", text="hello")
        line.clock.advance(300)
        assert spoken(line.send_at_once("session_start")) == GOODBYE
        assert line.item.status is Status.ACTIVE

    def test_a_broken_handler_does_not_keep_the_call(self) -> None:
        def fail(event: Event, call: Call) -> Reply:
            raise ZeroDivisionError

        line = Line(fail, settings=make_settings(max_minutes=5))
        line.send("user_speak", text="hello")
        line.clock.advance(300)
        assert spoken(line.send_at_once("user_speak", text="hello?")) == GOODBYE


class TestWhatCostsMoney:
    def text(self, event: Event, call: Call) -> Reply:
        """Text another number each time, as a model does that is asked to."""
        asked = int(call.state.get("asked", 0)) + 1
        call.state["asked"] = asked
        return call.send_sms(NUMBERS[asked], f"Message {asked}")

    def move(self, event: Event, call: Call) -> Reply:
        """Transfer, on every word."""
        if not isinstance(event, UserSpeak):
            return None
        return call.transfer(NUMBERS[2], caller_id_name="A", caller_id_number=NUMBERS[1])

    def test_two_messages_leave_in_a_call_whatever_is_asked(self) -> None:
        line = Line(self.text, settings=SOMEBODY)
        types = [line.types("user_speak", text=f"text me, {number}") for number in range(10)]
        assert types == [["send_sms"]] * 2 + [["speak"]] * 8
        assert line.log.entries()[-1]["blocked"] == ["send_sms:cap"]

    def test_a_message_that_failed_counts(self) -> None:
        line = Line(self.text, settings=SOMEBODY)
        line.send("user_speak", text="text me")
        assert line.types("sms_failed") == ["send_sms"]
        assert line.types("sms_failed", reason="again") == ["speak"]

    def test_three_transfers_leave_in_a_call_however_often_they_fail(self) -> None:
        line = Line(self.move, settings=SOMEBODY)
        types = list[list[str]]()
        for number in range(5):
            types.append(line.types("user_speak", text=f"a person, {number}"))
            line.send("session_start")
        assert types == [["transfer"]] * 3 + [["speak"]] * 2

    def test_of_more_than_is_left_in_one_answer_the_first_ones_leave(self) -> None:
        def text_all(event: Event, call: Call) -> Reply:
            return [call.send_sms(number, "Hello") for number in NUMBERS]

        line = Line(text_all, settings=SOMEBODY)
        assert line.types("user_speak", text="all") == ["send_sms"] * 2 + ["speak"]
        assert line.log.metrics()[-1]["PolicyBlocked"] == [18]

    @pytest.mark.parametrize("most", [0, 1, 5])
    def test_how_many_is_a_setting(self, most: int) -> None:
        settings = make_settings(allowed_numbers=frozenset(NUMBERS), max_sms=most)
        line = Line(self.text, settings=settings)
        types = [line.types("user_speak", text=f"text me, {number}") for number in range(8)]
        assert types.count(["send_sms"]) == most

    def test_a_handler_that_asks_is_told(self) -> None:
        told: list[bool] = []

        def ask(event: Event, call: Call) -> Reply:
            told.append(call.allows(call.send_sms(NUMBERS[0], "Hello")))
            return None

        line = Line(ask, settings=make_settings(allowed_numbers=frozenset(NUMBERS), max_sms=0))
        line.send("user_speak", text="text me")
        assert told == [False]


class TestOlderItems:
    def older(self, item: SessionRecord) -> SessionRecord:
        """Return an item as a version without caps wrote it, and as this one reads it."""
        attributes = to_attributes(item)
        for name in ("first_event_at_ms", "caller_turns", "sms_sent", "transfers_made", "closing"):
            del attributes[name]
        return SessionRecord.from_attributes(item.session_id, attributes)

    def test_they_are_read_and_begin_with_the_next_event(self) -> None:
        line = Line(talk, settings=make_settings(max_minutes=5))
        item = self.older(SessionRecord(session_id=line.session_id))
        line.runtime.sessions.commit(item.next_version("older", int(line.clock()) + 3600))
        assert spoken(line.send("user_speak", text="hello")) == "hello"
        assert line.item.first_event_at_ms == int(line.clock() * 1000)

    def test_what_stands_in_their_ledger_was_sent(self) -> None:
        line = Line(TestWhatCostsMoney().text, settings=SOMEBODY)
        item = self.older(
            SessionRecord(session_id=line.session_id, billable_keys=("send_sms:a", "send_sms:b"))
        )
        line.runtime.sessions.commit(item.next_version("older", int(line.clock()) + 3600))
        assert spoken(line.send("user_speak", text="text me")) == REFUSAL

    def test_nothing_of_the_rest_is_lost(self) -> None:
        item = whole_item("session-123")
        assert self.older(item).billable_keys == item.billable_keys
