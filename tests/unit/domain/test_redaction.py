"""Words that are not to be kept: what takes their place in repetitions, followers and history."""

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
from tests.helpers.in_process import Line
from tests.helpers.items import action
from tests.helpers.runtime import make_settings
from tests.helpers.websocket_in_process import WebSocketLine

OFF = make_settings(store_transcripts="disabled")
APOLOGY = "Sorry, something went wrong. Please say that again."
NUMBER = "493023125002"


def silent_line(handle: Callable[[Event, Call], Reply]) -> Line:
    """Return a line to an agent that keeps no words."""
    return Line(handle, settings=OFF)


def types(answer: Any) -> list[str]:  # noqa: ANN401 - JSON
    """Return the types of an answer."""
    actions: list[dict[str, str]] = []
    actions += answer if isinstance(answer, list) else [answer]
    return [action["type"] for action in actions]


class TestWhatHasWords:
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
    def test_these_have_none(self, members: dict[str, JsonValue]) -> None:
        assert not carries_text({**members, "session_id": "1", "aiflow:once": "name"})

    @pytest.mark.parametrize(
        "member",
        [
            *("text", "ssml", "audio", "message", "system_prompt", "greeting"),
            *("custom_vocabulary", "invented_tomorrow"),
        ],
    )
    def test_these_have_and_so_has_what_nobody_knows(self, member: str) -> None:
        assert carries_text(action("hangup", **{member: "word"}))


class TestARepetition:
    def test_an_answer_with_words_is_not_known_any_more_so_we_ask_for_theirs(self) -> None:
        line = silent_line(lambda event, call: "Yes?")
        assert line.send_at_once("user_speak", text="hello")["text"] == "Yes?"
        assert line.send_at_once("user_speak", text="hello")["text"] == APOLOGY
        assert line.outcome == "duplicate"
        assert line.item.consecutive_failures == 0

    @pytest.mark.parametrize("name", ["session_start", "user_input_timeout", "sms_failed"])
    def test_so_it_is_with_every_event_that_is_waited_for(self, name: str) -> None:
        line = silent_line(lambda event, call: "Yes?")
        line.send_at_once(name)
        assert line.send_at_once(name)["text"] == APOLOGY

    def test_an_answer_without_words_is_given_again(self) -> None:
        line = silent_line(lambda event, call: [call.barge_in(), call.mix_audio(stop=True)])
        first = line.send_at_once("user_speak", text="hello")
        assert line.send_at_once("user_speak", text="hello") == first

    def test_silence_stays_silence(self) -> None:
        line = silent_line(lambda event, call: None)
        assert line.send_at_once("user_speak", text="hello") is None
        assert line.send_at_once("user_speak", text="hello") is None

    def test_what_cost_money_is_not_done_again_and_nobody_is_asked(self) -> None:
        def move(event: Event, call: Call) -> Reply:
            return call.transfer(NUMBER, caller_id_name="A", caller_id_number=NUMBER)

        line = silent_line(move)
        assert types(line.send_at_once("user_speak", text="hello")) == ["transfer"]
        assert line.send_at_once("user_speak", text="hello") is None

    def test_a_call_that_went_on_is_not_greeted_again(self) -> None:
        line = silent_line(lambda event, call: "Welcome!")
        line.send("session_start")
        line.send("user_speak", text="hello")
        assert line.send_at_once("session_start") is None

    def test_while_the_first_is_still_answered_nothing_is_said(self) -> None:
        answers: list[Any] = []

        def overtaken(event: Event, call: Call) -> Reply:
            if not answers:
                answers.append(None)
                answers.append(line.send_at_once("user_speak", text="hello"))
            return "Yes?"

        line = silent_line(overtaken)
        assert line.send_at_once("user_speak", text="hello") is None
        assert answers[1]["text"] == "Yes?"

    def test_the_same_words_later_are_a_turn_of_their_own(self) -> None:
        line = silent_line(lambda event, call: "Yes?")
        for _ in range(2):
            assert line.send("user_speak", text="hello")["text"] == "Yes?"
        assert line.item.caller_turns == 2


class TestFingerprints:
    def fingerprint(self, key: bytes = b"k", **members: object) -> str | None:
        """Return the fingerprint of an event."""
        event = {"type": "user_speak", "text": "yes", "session": {"id": "1"}, **members}
        found = parse_event(event)
        assert isinstance(found, UserSpeak)
        return fingerprint(found, key)

    def test_they_are_the_same_for_the_same_words_in_the_same_call(self) -> None:
        assert self.fingerprint() == self.fingerprint()

    def test_they_differ_by_words_call_and_key(self) -> None:
        others = (
            self.fingerprint(text="no"),
            self.fingerprint(session={"id": "2"}),
            self.fingerprint(key=b"other"),
            self.fingerprint(key=b""),
        )
        assert len({self.fingerprint(), *others}) == 5

    def test_they_are_as_long_as_ever(self) -> None:
        assert len(str(self.fingerprint())) == len(str(self.fingerprint(key=b""))) == 16


MISPLACED: list[Callable[[Call], tuple[Action, ...]]] = [
    lambda call: (call.hangup(), call.speak("Too late")),
    lambda call: (call.mix_audio(stop=True), call.speak("Behind what waits")),
    lambda call: (call.hangup(extra={"invented": "words"}),),
    lambda call: (call.barge_in(extra={"invented": "words"}), call.speak("Two")),
]


class TestWhatFollows:
    """What waits is kept; so only what has no words may wait."""

    def test_a_hangup_waits_as_ever(self) -> None:
        line = silent_line(lambda event, call: call.speak("Goodbye").then(call.hangup()))
        assert types(line.send("user_speak", text="goodbye")) == ["speak"]
        assert types(line.send("assistant_speech_ended")) == ["hangup"]

    def test_what_is_said_next_is_sent_at_once_and_the_rest_waits_for_all_of_it(self) -> None:
        def chain(event: Event, call: Call) -> Reply:
            if not isinstance(event, UserSpeak):
                return None
            more = call.speak("Two"), call.send_sms("491713920050", "Three"), call.hangup()
            return call.speak("One").then(*more)

        line = silent_line(chain)
        session = {"from_phone_number": "491713920050", "to_phone_number": "493023125001"}
        answer = line.send("user_speak", text="go", session={"id": line.session_id, **session})
        assert types(answer) == ["speak", "speak", "send_sms"]
        assert [action["type"] for action in line.item.deferred_actions] == ["hangup"]
        assert line.types("assistant_speech_ended") == []
        assert line.types("assistant_speech_ended") == ["hangup"]

    def test_a_chain_of_words_waits_for_nothing(self) -> None:
        line = silent_line(lambda event, call: call.speak("One").then(call.speak("Two")))
        assert types(line.send("user_speak", text="go")) == ["speak", "speak"]
        assert line.item.deferred_actions == ()

    @pytest.mark.parametrize("follow", MISPLACED)
    def test_words_behind_what_waits_are_a_mistake_that_the_log_explains(
        self, follow: Callable[[Call], tuple[Action, ...]]
    ) -> None:
        line = silent_line(lambda event, call: call.speak("One").then(*follow(call)))
        assert line.send("user_speak", text="go")["text"] == APOLOGY
        entry = line.log.entries()[-1]
        assert (entry["outcome"], entry["reason"]) == ("degraded", "invalid_action")
        assert entry["detail"].startswith("STORE_TRANSCRIPTS is disabled, so ")
        assert line.item.deferred_actions == ()

    def test_the_goodbye_and_the_end_after_apologies_wait_as_ever(self) -> None:
        def fail(event: Event, call: Call) -> Reply:
            raise ZeroDivisionError

        line = silent_line(fail)
        for text in ("one", "two", "three"):
            line.send("user_speak", text=text)
        assert line.types("assistant_speech_ended") == ["hangup"]
        assert line.item.status is Status.HANGING_UP

    def test_whether_it_may_leave_is_asked_in_the_same_way(self) -> None:
        asked: list[bool] = []

        def ask(event: Event, call: Call) -> Reply:
            asked.append(call.allows(call.speak("One").then(call.speak("Two"), call.hangup())))
            return None

        silent_line(ask).send("user_speak", text="go")
        assert asked == [True]


class TestTheHistory:
    def test_a_handler_sees_who_spoke_and_the_words_of_its_own_event(self) -> None:
        seen: list[list[tuple[str, str]]] = []

        def look(event: Event, call: Call) -> Reply:
            seen.append([(turn.role, turn.text) for turn in call.history])
            return "Welcome!" if isinstance(event, SessionStart) else "Yes?"

        line = silent_line(look)
        line.send("session_start")
        line.send("user_speak", text="hello")
        line.send("user_speak", text="again")
        assert seen == [
            [],
            [("assistant", ""), ("user", "hello")],
            [("assistant", ""), ("user", ""), ("assistant", ""), ("user", "again")],
        ]

    def test_an_answer_in_pieces_leaves_none_either(self) -> None:
        def pieces(event: Event, call: Call) -> Any:  # noqa: ANN401 - a generator
            yield "One"
            yield "Two"

        line = WebSocketLine(pieces, settings=OFF)
        line.send("user_speak", text="hello")
        assert line.mailbox.texts == ["One", "Two"]
        assert [turn.text for turn in line.item.turns] == ["", "", ""]
        assert [turn.role for turn in line.item.turns] == ["user", "assistant", "assistant"]
