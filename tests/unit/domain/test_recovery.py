"""Failed answers: two apologies in a row, then the failure message and the end."""

from collections.abc import Iterator
from typing import Any

import pytest

from aiflow import Call, Event, Reply, UserSpeak
from aiflow.errors import StoreUnavailable
from aiflow.sessions.codec import to_attributes
from aiflow.sessions.memory import InMemorySessionStore
from aiflow.sessions.record import SessionRecord, Status
from aiflow.settings import Settings
from tests.helpers.in_process import CallDriver
from tests.helpers.items import full_record
from tests.helpers.runtime import Clock, make_settings
from tests.helpers.websocket_in_process import WebSocketCallDriver

APOLOGY = "Sorry, something went wrong. Please say that again."
FAILURE_MESSAGE = "I am sorry, we have a technical problem."
CALLER, PREMIUM = "491713920050", "499001234567"


def fail(event: Event, call: Call) -> Reply:
    """Answer `good`, stay silent on `quiet`, and fail on anything else."""
    if isinstance(event, UserSpeak) and event.text in {"good", "quiet"}:
        return "Good." if event.text == "good" else None
    raise ZeroDivisionError


def failing_agent(settings: Settings | None = None) -> CallDriver:
    return CallDriver(fail, settings=settings)


def spoken(answer: Any) -> str:  # noqa: ANN401 - JSON
    """Return the text of an answer of one action."""
    text: str = answer["text"]
    return text


def answers_to(driver: CallDriver, *texts: str) -> list[str]:
    """Send several texts of the caller; return the answers."""
    return [spoken(driver.send("user_speak", text=text)) for text in texts]


class TestThirdFailure:
    def test_after_two_apologies_the_failure_message_is_followed_by_a_hangup(self) -> None:
        driver = failing_agent()
        assert answers_to(driver, "one", "two", "three") == [APOLOGY, APOLOGY, FAILURE_MESSAGE]
        assert driver.types("assistant_speech_ended") == ["hangup"]
        assert driver.record.status is Status.HANGING_UP

    def test_the_failure_message_cannot_be_interrupted_and_has_an_input_timeout(self) -> None:
        driver = failing_agent()
        answers_to(driver, "one", "two")
        answer = driver.send("user_speak", text="three")
        assert answer["barge_in"] == {"strategy": "none"}
        assert answer["user_input_timeout_seconds"] == 8
        assert driver.types("user_input_timeout") == ["hangup"]

    def test_failures_count_for_every_event_that_expects_an_answer(self) -> None:
        driver = failing_agent()
        answers = [
            spoken(driver.send(name, text="Hi", digit="1"))
            for name in ("session_start", "dtmf_received", "user_input_timeout")
        ]
        assert answers == [APOLOGY, APOLOGY, FAILURE_MESSAGE]

    def test_failures_of_events_that_expect_no_answer_do_not_count(self) -> None:
        driver = failing_agent()
        for _ in range(5):
            assert driver.send("assistant_speech_ended") is None
        assert answers_to(driver, "one", "two") == [APOLOGY, APOLOGY]

    def test_an_answer_resets_the_count(self) -> None:
        driver = failing_agent()
        answers = answers_to(driver, "one", "two", "good", "three", "four", "five")
        assert answers == [APOLOGY, APOLOGY, "Good.", APOLOGY, APOLOGY, FAILURE_MESSAGE]

    def test_a_silent_answer_does_not_reset_the_count(self) -> None:
        driver = failing_agent()
        answers_to(driver, "one", "two")
        assert driver.send("user_speak", text="quiet") is None
        assert answers_to(driver, "three") == [FAILURE_MESSAGE]

    def test_after_the_failure_message_the_caller_is_hung_up_on_without_the_handler(self) -> None:
        driver = failing_agent()
        answers_to(driver, "one", "two", "three")
        assert driver.types("user_speak", text="good") == ["hangup"]

    def test_every_failure_is_counted_as_degraded(self) -> None:
        driver = failing_agent()
        answers_to(driver, "one", "two", "three")
        assert [entry["outcome"] for entry in driver.log.entries()] == ["degraded"] * 3
        assert [blob["DegradedAnswer"] for blob in driver.log.metrics()] == [[1]] * 3

    def test_a_duplicate_gets_the_same_apology_and_does_not_count(self) -> None:
        driver = failing_agent()
        answers_to(driver, "one")
        for _ in range(3):
            assert spoken(driver.send_at_once("user_speak", text="one")) == APOLOGY
        assert driver.record.consecutive_failures == 1

    def test_the_failure_message_is_a_setting(self) -> None:
        driver = failing_agent(make_settings(failure_message="Technische Störung."))
        assert answers_to(driver, "one", "two", "three")[-1] == "Technische Störung."

    def test_actions_deferred_earlier_are_dropped(self) -> None:
        def announce(event: Event, call: Call) -> Reply:
            if not isinstance(event, UserSpeak):
                raise ZeroDivisionError
            return call.speak("One moment.").then(call.barge_in())

        driver = CallDriver(announce)
        driver.send("user_speak", text="go")
        for number in range(3):
            driver.send("sms_failed", reason=f"{number}")
        assert [action["type"] for action in driver.record.deferred_actions] == ["hangup"]

    def test_failures_count_in_the_same_way_over_a_websocket(self) -> None:
        def begin(event: Event, call: Call) -> Iterator[Reply]:
            if isinstance(event, UserSpeak):
                raise ZeroDivisionError
            yield "Welcome."

        driver = WebSocketCallDriver(begin)
        for number in range(3):
            driver.send("user_speak", text=f"{number}")
        assert driver.connections.texts == [APOLOGY, APOLOGY, FAILURE_MESSAGE]
        driver.clock.advance(60)
        driver.send("assistant_speech_ended")
        assert driver.connections.actions[-1]["type"] == "hangup"


class TestFallback:
    def end(self, settings: Settings, **session: str) -> Any:  # noqa: ANN401 - JSON
        """Fail three answers; return the actions that follow the failure message."""
        driver = failing_agent(settings)
        driver.send("user_speak", text="one", session=session)
        answers_to(driver, "two", "three")
        return driver.send("assistant_speech_ended")

    def test_the_caller_is_transferred_after_the_failure_message(self) -> None:
        settings = make_settings(fallback_number="+493023125099", service_name="agent")
        assert self.end(settings, from_phone_number=f"+{CALLER}") == {
            "type": "transfer",
            "session_id": "session-123",
            "target_phone_number": "493023125099",
            "caller_id_name": "agent",
            "caller_id_number": CALLER,
        }

    @pytest.mark.parametrize("caller", ["", "anonymous", "030 23125"])
    def test_an_anonymous_caller_is_transferred_with_the_fallback_number_as_caller_id(
        self, caller: str
    ) -> None:
        settings = make_settings(fallback_number="493023125099")
        assert self.end(settings, from_phone_number=caller)["caller_id_number"] == "493023125099"

    def test_the_fallback_number_needs_no_other_permission(self) -> None:
        settings = make_settings(fallback_number=PREMIUM)
        assert self.end(settings)["target_phone_number"] == PREMIUM

    @pytest.mark.parametrize(
        "limits",
        [
            {"billable_actions": "disabled"},
            {"max_transfers": 0},
        ],
    )
    def test_a_fallback_that_is_not_allowed_becomes_a_hangup(
        self, limits: dict[str, object]
    ) -> None:
        settings = make_settings(fallback_number="493023125099", **limits)
        assert self.end(settings)["type"] == "hangup"

    def test_a_fallback_to_the_called_number_becomes_a_hangup(self) -> None:
        settings = make_settings(fallback_number="493023125000")
        assert self.end(settings, to_phone_number="493023125000")["type"] == "hangup"

    def test_text_that_arrives_after_the_transfer_does_not_cancel_it(self) -> None:
        driver = failing_agent(make_settings(fallback_number="493023125099"))
        answers_to(driver, "one", "two", "three")
        driver.send("assistant_speech_ended")
        assert driver.send("user_speak", text="thank you") is None
        assert driver.record.status is Status.TRANSFERRING

    @pytest.mark.parametrize("name", ["session_start", "user_input_timeout"])
    def test_a_failed_fallback_transfer_ends_the_call(self, name: str) -> None:
        driver = failing_agent(make_settings(fallback_number="493023125099"))
        answers_to(driver, "one", "two", "three")
        driver.send("assistant_speech_ended")
        assert driver.types(name) == ["hangup"]


class TestWithoutTheStore:
    class ReadOnly(InMemorySessionStore):
        """A store that reads but does not write."""

        def commit(self, record: SessionRecord) -> None:
            """Fail to write."""
            raise StoreUnavailable("the table did not answer: ReadTimeoutError")

    def test_without_commits_every_answer_is_an_uncounted_apology(self) -> None:
        driver = CallDriver(fail, sessions=self.ReadOnly(Clock()))
        assert answers_to(driver, *"abcdef") == [APOLOGY] * 6

    def test_without_commits_no_billable_action_is_sent(self) -> None:
        def move(event: Event, call: Call) -> Reply:
            return call.transfer(CALLER, caller_id_name="A", caller_id_number=CALLER)

        driver = CallDriver(move, sessions=self.ReadOnly(Clock()))
        assert answers_to(driver, *"abc") == [APOLOGY] * 3


def test_a_record_without_the_failure_count_starts_at_zero() -> None:
    attributes = to_attributes(full_record("session-123"))
    del attributes["consecutive_failures"]
    assert SessionRecord.from_attributes("session-123", attributes).consecutive_failures == 0
