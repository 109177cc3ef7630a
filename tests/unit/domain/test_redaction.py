"""Calls without stored transcripts: duplicates, deferred actions and history."""

from collections.abc import Callable
from typing import Any

import pytest

from aiflow import Call, Event, Reply, SessionStart, UserSpeak
from aiflow.domain.deduplication import fingerprint
from aiflow.domain.redaction import carries_text
from aiflow.protocol.actions import Action
from aiflow.protocol.events import parse_event
from aiflow.protocol.types import JsonValue
from aiflow.sessions.record import Status
from tests.helpers.in_process import CallDriver
from tests.helpers.items import action
from tests.helpers.runtime import make_settings
from tests.helpers.websocket_in_process import WebSocketCallDriver

OFF = make_settings(store_transcripts="disabled")
APOLOGY = "Sorry, something went wrong. Please say that again."
NUMBER = "493023125002"


def redacting_agent(handle: Callable[[Event, Call], Reply]) -> CallDriver:
    """Return a call to an agent that stores no transcripts."""
    return CallDriver(handle, settings=OFF)


def types(answer: Any) -> list[str]:  # noqa: ANN401 - JSON
    """Return the types of the actions of an answer."""
    actions: list[dict[str, str]] = []
    actions += answer if isinstance(answer, list) else [answer]
    return [action["type"] for action in actions]


class TestCarriesText:
    @pytest.mark.parametrize(
        "members",
        [
            {"type": "hangup"},
            {"type": "barge_in"},
            {"type": "mix_audio", "stop": True, "volume": 0.2},
            {"type": "configure_transcription", "provider": "AZURE", "languages": ["de-DE"]},
            {"type": "transfer", "target_phone_number": NUMBER, "timeout": 30},
        ],
        ids=lambda members: members["type"],
    )
    def test_these_members_carry_no_text(self, members: dict[str, JsonValue]) -> None:
        assert not carries_text({**members, "session_id": "1", "aiflow:once": "name"})

    @pytest.mark.parametrize(
        "member",
        [
            *("text", "ssml", "audio", "message", "system_prompt", "greeting"),
            *("custom_vocabulary", "invented_tomorrow"),
        ],
    )
    def test_these_and_all_unknown_members_carry_text(self, member: str) -> None:
        assert carries_text(action("hangup", **{member: "word"}))


class TestDuplicates:
    def test_a_duplicate_of_an_answer_with_text_gets_an_apology(self) -> None:
        driver = redacting_agent(lambda event, call: "Yes?")
        assert driver.send_at_once("user_speak", text="hello")["text"] == "Yes?"
        assert driver.send_at_once("user_speak", text="hello")["text"] == APOLOGY
        assert driver.outcome == "duplicate"
        assert driver.record.consecutive_failures == 0

    @pytest.mark.parametrize("name", ["session_start", "user_input_timeout", "sms_failed"])
    def test_a_duplicate_of_any_answered_event_gets_an_apology(self, name: str) -> None:
        driver = redacting_agent(lambda event, call: "Yes?")
        driver.send_at_once(name)
        assert driver.send_at_once(name)["text"] == APOLOGY

    def test_an_answer_without_text_is_replayed(self) -> None:
        driver = redacting_agent(lambda event, call: [call.barge_in(), call.mix_audio(stop=True)])
        first = driver.send_at_once("user_speak", text="hello")
        assert driver.send_at_once("user_speak", text="hello") == first

    def test_a_silent_answer_stays_silent(self) -> None:
        driver = redacting_agent(lambda event, call: None)
        assert driver.send_at_once("user_speak", text="hello") is None
        assert driver.send_at_once("user_speak", text="hello") is None

    def test_a_billable_answer_is_neither_repeated_nor_apologised_for(self) -> None:
        def move(event: Event, call: Call) -> Reply:
            return call.transfer(NUMBER, caller_id_name="A", caller_id_number=NUMBER)

        driver = redacting_agent(move)
        assert types(driver.send_at_once("user_speak", text="hello")) == ["transfer"]
        assert driver.send_at_once("user_speak", text="hello") is None

    def test_a_repeated_session_start_gets_no_greeting_once_the_caller_has_spoken(self) -> None:
        driver = redacting_agent(lambda event, call: "Welcome!")
        driver.send("session_start")
        driver.send("user_speak", text="hello")
        assert driver.send_at_once("session_start") is None

    def test_a_concurrent_duplicate_is_silent(self) -> None:
        answers: list[Any] = []

        def overtaken(event: Event, call: Call) -> Reply:
            if not answers:
                answers.append(None)
                answers.append(driver.send_at_once("user_speak", text="hello"))
            return "Yes?"

        driver = redacting_agent(overtaken)
        assert driver.send_at_once("user_speak", text="hello") is None
        assert answers[1]["text"] == "Yes?"

    def test_the_same_text_later_is_a_new_turn(self) -> None:
        driver = redacting_agent(lambda event, call: "Yes?")
        for _ in range(2):
            assert driver.send("user_speak", text="hello")["text"] == "Yes?"
        assert driver.record.caller_turns == 2


class TestFingerprints:
    def fingerprint(self, key: bytes = b"k", **members: object) -> str | None:
        """Return the fingerprint of an event."""
        event = {"type": "user_speak", "text": "yes", "session": {"id": "1"}, **members}
        found = parse_event(event)
        assert isinstance(found, UserSpeak)
        return fingerprint(found, key)

    def test_equal_texts_of_one_call_have_equal_fingerprints(self) -> None:
        assert self.fingerprint() == self.fingerprint()

    def test_fingerprints_differ_by_text_call_and_key(self) -> None:
        others = (
            self.fingerprint(text="no"),
            self.fingerprint(session={"id": "2"}),
            self.fingerprint(key=b"other"),
            self.fingerprint(key=b""),
        )
        assert len({self.fingerprint(), *others}) == 5

    def test_a_key_does_not_change_the_length_of_a_fingerprint(self) -> None:
        assert len(str(self.fingerprint())) == len(str(self.fingerprint(key=b""))) == 16


MISPLACED: list[Callable[[Call], tuple[Action, ...]]] = [
    lambda call: (call.hangup(), call.speak("Too late")),
    lambda call: (call.mix_audio(stop=True), call.speak("Behind a deferred action")),
    lambda call: (call.hangup(extra={"invented": "words"}),),
    lambda call: (call.barge_in(extra={"invented": "words"}), call.speak("Two")),
]


class TestDeferredActions:
    """Deferred actions are stored, so only actions without text may be deferred."""

    def test_a_hangup_is_deferred_normally(self) -> None:
        driver = redacting_agent(lambda event, call: call.speak("Goodbye").then(call.hangup()))
        assert types(driver.send("user_speak", text="goodbye")) == ["speak"]
        assert types(driver.send("assistant_speech_ended")) == ["hangup"]

    def test_leading_actions_with_text_are_sent_at_once_and_the_rest_waits_for_all_playbacks(
        self,
    ) -> None:
        def chain(event: Event, call: Call) -> Reply:
            if not isinstance(event, UserSpeak):
                return None
            more = call.speak("Two"), call.send_sms("491713920050", "Three"), call.hangup()
            return call.speak("One").then(*more)

        driver = redacting_agent(chain)
        session = {"from_phone_number": "491713920050", "to_phone_number": "493023125001"}
        answer = driver.send("user_speak", text="go", session={"id": driver.session_id, **session})
        assert types(answer) == ["speak", "speak", "send_sms"]
        assert [action["type"] for action in driver.record.deferred_actions] == ["hangup"]
        assert driver.types("assistant_speech_ended") == []
        assert driver.types("assistant_speech_ended") == ["hangup"]

    def test_a_chain_of_speeches_is_sent_at_once(self) -> None:
        driver = redacting_agent(lambda event, call: call.speak("One").then(call.speak("Two")))
        assert types(driver.send("user_speak", text="go")) == ["speak", "speak"]
        assert driver.record.deferred_actions == ()

    @pytest.mark.parametrize("follow", MISPLACED)
    def test_text_after_a_deferred_action_is_an_error_that_the_log_explains(
        self, follow: Callable[[Call], tuple[Action, ...]]
    ) -> None:
        driver = redacting_agent(lambda event, call: call.speak("One").then(*follow(call)))
        assert driver.send("user_speak", text="go")["text"] == APOLOGY
        entry = driver.log.entries()[-1]
        assert (entry["outcome"], entry["reason"]) == ("degraded", "invalid_action")
        assert entry["detail"].startswith("STORE_TRANSCRIPTS is disabled, so ")
        assert driver.record.deferred_actions == ()

    def test_the_hangup_after_the_failure_message_is_deferred_normally(self) -> None:
        def fail(event: Event, call: Call) -> Reply:
            raise ZeroDivisionError

        driver = redacting_agent(fail)
        for text in ("one", "two", "three"):
            driver.send("user_speak", text=text)
        assert driver.types("assistant_speech_ended") == ["hangup"]
        assert driver.record.status is Status.HANGING_UP

    def test_allows_accepts_a_chain_of_speeches(self) -> None:
        asked: list[bool] = []

        def ask(event: Event, call: Call) -> Reply:
            asked.append(call.allows(call.speak("One").then(call.speak("Two"), call.hangup())))
            return None

        redacting_agent(ask).send("user_speak", text="go")
        assert asked == [True]


class TestHistory:
    def test_a_handler_sees_only_the_text_of_its_own_event(self) -> None:
        seen: list[list[tuple[str, str]]] = []

        def look(event: Event, call: Call) -> Reply:
            seen.append([(turn.role, turn.text) for turn in call.history])
            return "Welcome!" if isinstance(event, SessionStart) else "Yes?"

        driver = redacting_agent(look)
        driver.send("session_start")
        driver.send("user_speak", text="hello")
        driver.send("user_speak", text="again")
        assert seen == [
            [],
            [("assistant", ""), ("user", "hello")],
            [("assistant", ""), ("user", ""), ("assistant", ""), ("user", "again")],
        ]

    def test_chunks_store_no_text_either(self) -> None:
        def stream(event: Event, call: Call) -> Any:  # noqa: ANN401 - a generator
            yield "One"
            yield "Two"

        driver = WebSocketCallDriver(stream, settings=OFF)
        driver.send("user_speak", text="hello")
        assert driver.connections.texts == ["One", "Two"]
        assert [turn.text for turn in driver.record.turns] == ["", "", ""]
        assert [turn.role for turn in driver.record.turns] == ["user", "assistant", "assistant"]
