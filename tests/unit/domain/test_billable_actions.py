"""`call.once`: a billable action runs once per name, whatever its text."""

from typing import Any

import pytest

from aiflow import Call, Event, Reply, SendSms, Session, SessionStart, UserSpeak
from aiflow.errors import InvalidAction
from tests.helpers.in_process import CallDriver
from tests.helpers.runtime import make_settings
from tests.helpers.websocket_in_process import WebSocketCallDriver

NUMBER, OTHER = "493023125001", "493023125002"
SETTINGS = make_settings(allowed_numbers=f"{NUMBER},{OTHER}", max_sms=10)


def text(event: Event, call: Call) -> Reply:
    """Send the caller's text under one name."""
    said = event.text if isinstance(event, UserSpeak) else event.type
    return call.once("directions", call.send_sms(NUMBER, said))


def both(event: Event, call: Call) -> Reply:
    """Text and transfer under one name."""
    if isinstance(event, SessionStart):
        return "Welcome"
    move = call.transfer(OTHER, caller_id_name=event.type, caller_id_number=NUMBER)
    return [call.once("help", call.send_sms(NUMBER, event.type)), call.once("help", move)]


def test_a_second_message_under_the_same_name_is_not_sent() -> None:
    driver = CallDriver(text, settings=SETTINGS)
    assert driver.types("user_speak", text="Turn left.") == ["send_sms"]
    assert driver.types("user_speak", text="First, turn left.") == []


def test_without_a_name_a_different_text_is_a_different_message() -> None:
    driver = CallDriver(lambda event, call: call.send_sms(NUMBER, str(event)), settings=SETTINGS)
    assert driver.types("user_speak", text="Turn left.") == ["send_sms"]
    assert driver.types("user_speak", text="First, turn left.") == ["send_sms"]


def test_the_name_is_not_sent() -> None:
    answer = CallDriver(text, settings=SETTINGS).send("user_speak", text="Turn left.")
    assert set(answer) == {"type", "session_id", "phone_number", "message"}


def test_two_names_are_two_messages() -> None:
    def name(event: Event, call: Call) -> Reply:
        said = event.text if isinstance(event, UserSpeak) else ""
        return call.once(said, call.send_sms(NUMBER, "The same text"))

    driver = CallDriver(name, settings=SETTINGS)
    assert driver.types("user_speak", text="one") == ["send_sms"]
    assert driver.types("user_speak", text="two") == ["send_sms"]
    assert driver.types("user_speak", text="one") == []


def test_a_name_covers_messages_to_different_numbers() -> None:
    def both_numbers(event: Event, call: Call) -> Reply:
        messages = [call.send_sms(number, "Hello") for number in (NUMBER, OTHER)]
        return [call.once("hello", message) for message in messages]

    assert CallDriver(both_numbers, settings=SETTINGS).types("user_speak", text="hi") == [
        "send_sms"
    ]


def test_after_a_failure_the_message_may_be_sent_once_more() -> None:
    driver = CallDriver(text, settings=SETTINGS)
    driver.send("user_speak", text="Turn left.")
    assert driver.types("sms_failed") == ["send_sms"]
    assert driver.types("user_speak", text="And again.") == []


def test_a_failed_transfer_does_not_free_a_message_of_the_same_name() -> None:
    driver = CallDriver(both, settings=SETTINGS)
    assert driver.types("user_speak", text="help") == ["send_sms", "transfer"]
    driver.send("session_start")
    assert driver.types("user_speak", text="help me") == ["transfer"]


def test_a_deferred_action_keeps_its_name() -> None:
    def announce(event: Event, call: Call) -> Reply:
        if not isinstance(event, UserSpeak):
            return None
        message = call.once("directions", call.send_sms(NUMBER, event.text))
        return call.speak("I am texting you.").then(message)

    driver = CallDriver(announce, settings=SETTINGS)
    driver.send("user_speak", text="one")
    answer = driver.send("assistant_speech_ended")
    assert answer == {
        "type": "send_sms",
        "session_id": "session-123",
        "phone_number": NUMBER,
        "message": "one",
    }
    driver.send("user_speak", text="two")
    assert driver.types("assistant_speech_ended") == []


def test_over_a_websocket_only_one_chunk_contains_the_named_action() -> None:
    def ramble(event: Event, call: Call) -> Any:  # noqa: ANN401 - a generator
        for number in range(3):
            message = call.send_sms(NUMBER, f"Message {number}")
            yield [call.once("directions", message), call.speak(f"{number}")]

    driver = WebSocketCallDriver(ramble, settings=SETTINGS)
    driver.send("user_speak", text="go")
    types = [action["type"] for action in driver.connections.actions]
    assert types == ["send_sms", "speak", "speak", "speak"]


def test_allows_is_false_for_a_named_action_that_was_sent() -> None:
    allowed: list[bool] = []

    def ask(event: Event, call: Call) -> Reply:
        message = call.once("directions", call.send_sms(NUMBER, str(event)))
        allowed.append(call.allows(message))
        return message

    driver = CallDriver(ask, settings=SETTINGS)
    driver.send("user_speak", text="one")
    driver.send("user_speak", text="two")
    assert allowed == [True, False]


def test_extra_members_survive_naming() -> None:
    call = Call(Session(id="1"))
    message = call.once("it", call.send_sms(NUMBER, "Hello", extra={"flash": True}))
    assert message.to_wire()["flash"] is True
    assert message.once == "it"


def test_naming_does_not_change_the_original_action() -> None:
    call = Call(Session(id="1"))
    message = call.send_sms(NUMBER, "Hello")
    call.once("it", message)
    assert message.once is None


@pytest.mark.parametrize("key", ["", "  "])
def test_a_blank_name_is_invalid(key: str) -> None:
    call = Call(Session(id="1"))
    with pytest.raises(InvalidAction, match="name"):
        call.once(key, call.send_sms(NUMBER, "Hello"))


def test_only_billable_actions_take_a_name() -> None:
    call = Call(Session(id="1"))
    speak: Any = call.speak("Hello")
    with pytest.raises(InvalidAction, match="send_sms or transfer"):
        call.once("it", speak)
    assert isinstance(call.once("it", call.send_sms(NUMBER, "Hello")), SendSms)
