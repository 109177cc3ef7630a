"""`call.once`: what costs money is done once for a name, however it is worded."""

from typing import Any

import pytest

from aiflow import Call, Event, Reply, SendSms, Session, SessionStart, UserSpeak
from aiflow.errors import InvalidAction
from tests.helpers.in_process import Line
from tests.helpers.runtime import make_settings
from tests.helpers.websocket_in_process import WebSocketLine

NUMBER, OTHER = "493023125001", "493023125002"
SETTINGS = make_settings(allowed_numbers=f"{NUMBER},{OTHER}", max_sms=10)


def text(event: Event, call: Call) -> Reply:
    """Send what the caller said, as the one message that there is to send."""
    said = event.text if isinstance(event, UserSpeak) else event.type
    return call.once("directions", call.send_sms(NUMBER, said))


def both(event: Event, call: Call) -> Reply:
    """Text and transfer under one name."""
    if isinstance(event, SessionStart):
        return "Welcome"
    move = call.transfer(OTHER, caller_id_name=event.type, caller_id_number=NUMBER)
    return [call.once("help", call.send_sms(NUMBER, event.type)), call.once("help", move)]


def test_whoever_says_it_differently_does_not_send_it_twice() -> None:
    line = Line(text, settings=SETTINGS)
    assert line.types("user_speak", text="Turn left.") == ["send_sms"]
    assert line.types("user_speak", text="First, turn left.") == []


def test_without_a_name_what_is_said_differently_is_another_message() -> None:
    line = Line(lambda event, call: call.send_sms(NUMBER, str(event)), settings=SETTINGS)
    assert line.types("user_speak", text="Turn left.") == ["send_sms"]
    assert line.types("user_speak", text="First, turn left.") == ["send_sms"]


def test_the_name_is_not_sent() -> None:
    answer = Line(text, settings=SETTINGS).send("user_speak", text="Turn left.")
    assert set(answer) == {"type", "session_id", "phone_number", "message"}


def test_two_names_are_two_messages() -> None:
    def name(event: Event, call: Call) -> Reply:
        said = event.text if isinstance(event, UserSpeak) else ""
        return call.once(said, call.send_sms(NUMBER, "The same text"))

    line = Line(name, settings=SETTINGS)
    assert line.types("user_speak", text="one") == ["send_sms"]
    assert line.types("user_speak", text="two") == ["send_sms"]
    assert line.types("user_speak", text="one") == []


def test_a_name_is_for_one_number_as_well_as_for_another() -> None:
    def both_numbers(event: Event, call: Call) -> Reply:
        messages = [call.send_sms(number, "Hello") for number in (NUMBER, OTHER)]
        return [call.once("hello", message) for message in messages]

    assert Line(both_numbers, settings=SETTINGS).types("user_speak", text="hi") == ["send_sms"]


def test_after_a_failure_one_more_leaves() -> None:
    line = Line(text, settings=SETTINGS)
    line.send("user_speak", text="Turn left.")
    assert line.types("sms_failed") == ["send_sms"]
    assert line.types("user_speak", text="And again.") == []


def test_a_message_and_a_transfer_may_share_a_name_and_a_failed_one_takes_only_its_own_back() -> (
    None
):
    line = Line(both, settings=SETTINGS)
    assert line.types("user_speak", text="help") == ["send_sms", "transfer"]
    line.send("session_start")
    assert line.types("user_speak", text="help me") == ["transfer"]


def test_what_waits_for_a_speech_keeps_its_name() -> None:
    def announce(event: Event, call: Call) -> Reply:
        if not isinstance(event, UserSpeak):
            return None
        message = call.once("directions", call.send_sms(NUMBER, event.text))
        return call.speak("I am texting you.").then(message)

    line = Line(announce, settings=SETTINGS)
    line.send("user_speak", text="one")
    answer = line.send("assistant_speech_ended")
    assert answer == {
        "type": "send_sms",
        "session_id": "session-123",
        "phone_number": NUMBER,
        "message": "one",
    }
    line.send("user_speak", text="two")
    assert line.types("assistant_speech_ended") == []


def test_over_a_websocket_it_leaves_once_of_all_pieces() -> None:
    def ramble(event: Event, call: Call) -> Any:  # noqa: ANN401 - a generator
        for number in range(3):
            message = call.send_sms(NUMBER, f"Message {number}")
            yield [call.once("directions", message), call.speak(f"{number}")]

    line = WebSocketLine(ramble, settings=SETTINGS)
    line.send("user_speak", text="go")
    types = [action["type"] for action in line.mailbox.actions]
    assert types == ["send_sms", "speak", "speak", "speak"]


def test_a_handler_that_asks_is_told_that_it_has_been_sent() -> None:
    told: list[bool] = []

    def ask(event: Event, call: Call) -> Reply:
        message = call.once("directions", call.send_sms(NUMBER, str(event)))
        told.append(call.allows(message))
        return message

    line = Line(ask, settings=SETTINGS)
    line.send("user_speak", text="one")
    line.send("user_speak", text="two")
    assert told == [True, False]


def test_options_that_we_do_not_know_survive_it() -> None:
    call = Call(Session(id="1"))
    message = call.once("it", call.send_sms(NUMBER, "Hello", extra={"flash": True}))
    assert message.to_wire()["flash"] is True
    assert message.once == "it"


def test_the_action_itself_stays_as_it_was() -> None:
    call = Call(Session(id="1"))
    message = call.send_sms(NUMBER, "Hello")
    call.once("it", message)
    assert message.once is None


@pytest.mark.parametrize("key", ["", "  "])
def test_a_name_is_not_blank(key: str) -> None:
    call = Call(Session(id="1"))
    with pytest.raises(InvalidAction, match="name"):
        call.once(key, call.send_sms(NUMBER, "Hello"))


def test_what_costs_nothing_needs_no_name() -> None:
    call = Call(Session(id="1"))
    speak: Any = call.speak("Hello")
    with pytest.raises(InvalidAction, match="send_sms or transfer"):
        call.once("it", speak)
    assert isinstance(call.once("it", call.send_sms(NUMBER, "Hello")), SendSms)
