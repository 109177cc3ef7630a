"""Limits of a call: turns, minutes, messages and transfers."""

from collections.abc import Iterator
from typing import Any

import pytest

from aiflow import Call, Event, Reply, UserSpeak
from aiflow.sessions.codec import to_attributes
from aiflow.sessions.record import SessionRecord, Status
from tests.helpers.in_process import CallDriver
from tests.helpers.items import full_record
from tests.helpers.runtime import make_settings
from tests.helpers.websocket_in_process import WebSocketCallDriver

LIMIT_MESSAGE = "We have to end our call here. Thank you for calling, and goodbye."
NUMBERS = [f"4930231250{number:02}" for number in range(20)]
ALLOWED = make_settings(allowed_numbers=frozenset(NUMBERS))
BLOCKED_MESSAGE = ALLOWED.blocked_message


def talk(event: Event, call: Call) -> Reply:
    """Count the events, and repeat the caller's text."""
    call.state["asked"] = call.state.get("asked", 0) + 1
    return event.text if isinstance(event, UserSpeak) else None


def spoken(answer: Any) -> str:  # noqa: ANN401 - JSON
    """Return the text of an answer of one action."""
    text: str = answer["text"]
    return text


class TestTurns:
    def driver_at_limit(self, turns: int = 3) -> CallDriver:
        """Return a call that has used all its turns."""
        driver = CallDriver(talk, settings=make_settings(max_turns=turns))
        for number in range(turns):
            assert spoken(driver.send_at_once("user_speak", text=f"{number}")) == f"{number}"
        return driver

    def test_after_the_last_turn_the_limit_message_is_followed_by_a_hangup(self) -> None:
        driver = self.driver_at_limit()
        answer = driver.send("user_speak", text="and another")
        assert spoken(answer) == LIMIT_MESSAGE
        assert answer["barge_in"] == {"strategy": "none"}
        assert driver.types("assistant_speech_ended") == ["hangup"]
        assert driver.record.status is Status.HANGING_UP

    def test_over_the_limit_the_handler_is_skipped_and_the_text_is_stored(self) -> None:
        driver = self.driver_at_limit()
        driver.send("user_speak", text="and another")
        assert driver.record.state == {"asked": 3}
        assert [turn.text for turn in driver.record.turns][-2:] == ["and another", LIMIT_MESSAGE]

    def test_a_reached_limit_is_logged_and_counted(self) -> None:
        driver = self.driver_at_limit()
        driver.send("user_speak", text="and another")
        assert driver.log.entries()[-1]["reason"] == "max_turns"
        assert driver.log.metrics()[-1]["CapReached"] == [1]

    def test_the_input_timeout_hangs_up_if_the_end_of_the_limit_message_is_not_reported(
        self,
    ) -> None:
        driver = self.driver_at_limit()
        assert driver.send("user_speak", text="more")["user_input_timeout_seconds"] == 8
        assert driver.types("user_input_timeout") == ["hangup"]

    @pytest.mark.parametrize("name", ["user_speak", "dtmf_received"])
    def test_input_during_the_limit_message_does_not_cut_it_off(self, name: str) -> None:
        driver = self.driver_at_limit()
        driver.send("user_speak", text="more")
        assert driver.send_at_once(name, text="no!", digit="1") is None
        assert driver.types("assistant_speech_ended") == ["hangup"]

    @pytest.mark.parametrize("name", ["user_speak", "dtmf_received", "session_start"])
    def test_input_after_the_limit_message_leads_to_a_hangup(self, name: str) -> None:
        driver = self.driver_at_limit()
        driver.send("user_speak", text="more")
        assert driver.types(name, text="no!", digit="1") == ["hangup"]
        assert driver.record.state == {"asked": 3}

    def test_a_duplicate_during_the_limit_message_is_stored_once(self) -> None:
        driver = self.driver_at_limit()
        driver.send("user_speak", text="and another")
        for _ in range(2):
            assert driver.send_at_once("user_speak", text="wait") is None
        assert [turn.text for turn in driver.record.turns].count("wait") == 1

    def test_session_end_still_reaches_its_handler(self) -> None:
        driver = self.driver_at_limit()
        driver.send("user_speak", text="more")
        driver.send("session_end")
        assert driver.record.state == {"asked": 4}

    def test_keys_timeouts_duplicates_and_blank_text_are_no_turns(self) -> None:
        driver = self.driver_at_limit(turns=1)
        for _ in range(5):
            driver.send_at_once("user_speak", text="0")
            driver.send_at_once("dtmf_received", digit="1")
            driver.send_at_once("user_input_timeout")
            driver.send_at_once("user_speak", text=" ")
        assert driver.record.caller_turns == 1
        assert not driver.record.closing

    def test_the_limit_message_is_a_setting(self) -> None:
        driver = CallDriver(
            talk, settings=make_settings(max_turns=1, limit_message="Schluss für heute.")
        )
        driver.send("user_speak", text="one")
        assert spoken(driver.send("user_speak", text="two")) == "Schluss für heute."

    def test_the_limit_message_drops_unsent_chunks_of_another_answer(self) -> None:
        def ramble(event: Event, call: Call) -> Iterator[Reply]:
            yield "One moment."
            yield "And another one."

        settings = make_settings(max_turns=1)
        driver = WebSocketCallDriver(ramble, settings=settings)
        others = WebSocketCallDriver(ramble, settings=settings, sessions=driver.runtime.sessions)

        def interrupt(sent: int) -> None:
            others.send("user_speak", text="two")

        driver.connections.after_send = interrupt
        driver.send("user_speak", text="one")
        assert driver.connections.texts == ["One moment."]
        assert others.connections.texts == [LIMIT_MESSAGE]


class TestMinutes:
    def driver_before_limit(self, minutes: int = 5) -> CallDriver:
        """Return a call one second before its time limit, and advance to the limit."""
        driver = CallDriver(talk, settings=make_settings(max_minutes=minutes))
        driver.send("session_start")
        driver.clock.advance(minutes * 60 - 1)
        assert spoken(driver.send_at_once("user_speak", text="hello")) == "hello"
        driver.clock.advance(1)
        return driver

    @pytest.mark.parametrize(
        "name",
        [
            *("user_speak", "dtmf_received", "user_input_timeout", "sms_failed"),
            "assistant_speech_ended",
        ],
    )
    def test_the_next_event_after_the_limit_gets_the_limit_message(self, name: str) -> None:
        driver = self.driver_before_limit()
        answer = driver.send_at_once(name, text="one more", digit="1")
        assert spoken(answer) == LIMIT_MESSAGE
        assert driver.log.entries()[-1]["reason"] == "max_minutes"

    def test_an_event_that_expects_no_answer_does_not_end_the_call(self) -> None:
        driver = self.driver_before_limit()
        assert driver.send_at_once("assistant_speak", duration_ms=900) is None
        assert driver.send_at_once("user_speech_started") is None
        assert not driver.record.closing

    def test_minutes_count_from_the_first_event_of_any_type(self) -> None:
        driver = CallDriver(talk, settings=make_settings(max_minutes=5))
        driver.send("user_speak", text="hello")
        driver.send("session_start")
        driver.clock.advance(240)
        assert spoken(driver.send_at_once("user_speak", text="still here")) == LIMIT_MESSAGE

    def test_deferred_actions_are_dropped_at_the_limit(self) -> None:
        def announce(event: Event, call: Call) -> Reply:
            return call.speak("One moment.").then(call.barge_in())

        driver = CallDriver(announce, settings=make_settings(max_minutes=5))
        driver.send("user_speak", text="hello")
        driver.clock.advance(300)
        assert spoken(driver.send_at_once("assistant_speech_ended")) == LIMIT_MESSAGE
        assert driver.types("assistant_speech_ended") == ["hangup"]

    def test_minutes_continue_to_count_after_a_failed_transfer(self) -> None:
        def move(event: Event, call: Call) -> Reply:
            return call.transfer(NUMBERS[0], caller_id_name="A", caller_id_number=NUMBERS[1])

        driver = CallDriver(move, settings=make_settings(max_minutes=5))
        driver.send("user_speak", text="hello")
        driver.clock.advance(300)
        assert spoken(driver.send_at_once("session_start")) == LIMIT_MESSAGE
        assert driver.record.status is Status.ACTIVE

    def test_the_limit_applies_even_if_the_handler_fails(self) -> None:
        def fail(event: Event, call: Call) -> Reply:
            raise ZeroDivisionError

        driver = CallDriver(fail, settings=make_settings(max_minutes=5))
        driver.send("user_speak", text="hello")
        driver.clock.advance(300)
        assert spoken(driver.send_at_once("user_speak", text="hello?")) == LIMIT_MESSAGE


class TestBillableActions:
    def text(self, event: Event, call: Call) -> Reply:
        """Send a text to another number each time."""
        asked = int(call.state.get("asked", 0)) + 1
        call.state["asked"] = asked
        return call.send_sms(NUMBERS[asked], f"Message {asked}")

    def move(self, event: Event, call: Call) -> Reply:
        """Transfer on any text."""
        if not isinstance(event, UserSpeak):
            return None
        return call.transfer(NUMBERS[2], caller_id_name="A", caller_id_number=NUMBERS[1])

    def test_two_messages_are_sent_per_call_at_most(self) -> None:
        driver = CallDriver(self.text, settings=ALLOWED)
        types = [driver.types("user_speak", text=f"text me, {number}") for number in range(10)]
        assert types == [["send_sms"]] * 2 + [["speak"]] * 8
        assert driver.log.entries()[-1]["blocked"] == ["send_sms:cap"]

    def test_a_failed_message_counts(self) -> None:
        driver = CallDriver(self.text, settings=ALLOWED)
        driver.send("user_speak", text="text me")
        assert driver.types("sms_failed") == ["send_sms"]
        assert driver.types("sms_failed", reason="again") == ["speak"]

    def test_three_transfers_are_sent_per_call_at_most_even_if_they_fail(self) -> None:
        driver = CallDriver(self.move, settings=ALLOWED)
        types = list[list[str]]()
        for number in range(5):
            types.append(driver.types("user_speak", text=f"a person, {number}"))
            driver.send("session_start")
        assert types == [["transfer"]] * 3 + [["speak"]] * 2

    def test_an_answer_over_the_limit_sends_only_its_first_messages(self) -> None:
        def text_all(event: Event, call: Call) -> Reply:
            return [call.send_sms(number, "Hello") for number in NUMBERS]

        driver = CallDriver(text_all, settings=ALLOWED)
        assert driver.types("user_speak", text="all") == ["send_sms"] * 2 + ["speak"]
        assert driver.log.metrics()[-1]["PolicyBlocked"] == [18]

    @pytest.mark.parametrize("most", [0, 1, 5])
    def test_the_message_limit_is_a_setting(self, most: int) -> None:
        settings = make_settings(allowed_numbers=frozenset(NUMBERS), max_sms=most)
        driver = CallDriver(self.text, settings=settings)
        types = [driver.types("user_speak", text=f"text me, {number}") for number in range(8)]
        assert types.count(["send_sms"]) == most

    def test_allows_is_false_at_the_limit(self) -> None:
        allowed: list[bool] = []

        def ask(event: Event, call: Call) -> Reply:
            allowed.append(call.allows(call.send_sms(NUMBERS[0], "Hello")))
            return None

        driver = CallDriver(
            ask, settings=make_settings(allowed_numbers=frozenset(NUMBERS), max_sms=0)
        )
        driver.send("user_speak", text="text me")
        assert allowed == [False]


class TestOlderRecords:
    def older(self, item: SessionRecord) -> SessionRecord:
        """Return an item as a version without limits stored it, and as this version reads it."""
        attributes = to_attributes(item)
        for name in ("first_event_at_ms", "caller_turns", "sms_sent", "transfers_made", "closing"):
            del attributes[name]
        return SessionRecord.from_attributes(item.session_id, attributes)

    def test_an_older_record_starts_counting_at_the_next_event(self) -> None:
        driver = CallDriver(talk, settings=make_settings(max_minutes=5))
        item = self.older(SessionRecord(session_id=driver.session_id))
        driver.runtime.sessions.commit(item.next_version("older", int(driver.clock()) + 3600))
        assert spoken(driver.send("user_speak", text="hello")) == "hello"
        assert driver.record.first_event_at_ms == int(driver.clock() * 1000)

    def test_the_billable_keys_of_an_older_record_count_as_sent(self) -> None:
        driver = CallDriver(TestBillableActions().text, settings=ALLOWED)
        item = self.older(
            SessionRecord(session_id=driver.session_id, billable_keys=("send_sms:a", "send_sms:b"))
        )
        driver.runtime.sessions.commit(item.next_version("older", int(driver.clock()) + 3600))
        assert spoken(driver.send("user_speak", text="text me")) == BLOCKED_MESSAGE

    def test_an_older_record_keeps_its_other_members(self) -> None:
        item = full_record("session-123")
        assert self.older(item).billable_keys == item.billable_keys
