"""`speak(...).then(...)`: actions deferred until a playback ends."""

from aiflow import Call, DtmfReceived, Event, Reply, UserSpeak, load_audio
from tests.helpers.in_process import CallDriver
from tests.helpers.runtime import make_settings
from tests.helpers.wav import wav


def goodbye(event: Event, call: Call) -> Reply:
    """Say goodbye and hang up on "bye" or a key; answer "Hello" to any other text."""
    if isinstance(event, UserSpeak) and event.text == "bye":
        return call.speak("Goodbye").then(call.hangup())
    if isinstance(event, DtmfReceived):
        return [call.barge_in(), call.speak("Bye").then(call.hangup())]
    return "Hello" if isinstance(event, UserSpeak) else None


def test_a_deferred_hangup_waits_for_the_end_of_the_speech() -> None:
    driver = CallDriver(goodbye)

    assert driver.types("user_speak", text="bye") == ["speak"]
    assert driver.types("assistant_speak", duration_ms=700) == []
    assert driver.types("assistant_speech_ended") == ["hangup"]


def test_the_input_timeout_sends_deferred_actions_if_the_end_is_never_reported() -> None:
    driver = CallDriver(goodbye)

    assert driver.send("user_speak", text="bye")["user_input_timeout_seconds"] == 8
    assert driver.types("user_input_timeout") == ["hangup"]


def test_a_timeout_set_by_the_handler_is_kept() -> None:
    driver = CallDriver(
        lambda event, call: call.speak("Bye", user_input_timeout_seconds=3).then(call.hangup())
    )

    assert driver.send("user_speak", text="bye")["user_input_timeout_seconds"] == 3


def test_deferred_actions_are_dropped_when_the_caller_speaks() -> None:
    driver = CallDriver(goodbye)
    driver.send("user_speak", text="bye")

    assert driver.types("user_speak", text="wait!", barged_in=True) == ["speak"]
    assert driver.types("assistant_speech_ended") == []
    assert driver.record.deferred_actions == ()


def test_an_early_end_is_an_interruption_whose_text_arrives_later() -> None:
    driver = CallDriver(goodbye)
    driver.send("user_speak", text="bye")
    driver.send_at_once("assistant_speak", duration_ms=1500)

    driver.clock.advance(0.8)
    assert driver.send_at_once("assistant_speech_ended") is None

    driver.clock.advance(0.9)
    assert driver.send_at_once("user_speak", text="wait!", barged_in=True)["text"] == "Hello"
    assert driver.record.deferred_actions == ()


def test_without_a_reported_duration_an_implausibly_early_end_is_an_interruption() -> None:
    driver = CallDriver(lambda event, call: call.speak("Goodbye. " * 10).then(call.hangup()))
    driver.send("user_speak", text="bye")

    driver.clock.advance(1)
    assert driver.send_at_once("assistant_speech_ended") is not None  # the handler, not the hangup
    assert driver.record.status.value == "active"


def test_after_an_interruption_without_text_the_input_timeout_sends_deferred_actions() -> None:
    driver = CallDriver(goodbye)
    driver.send("user_speak", text="bye")
    driver.send_at_once("assistant_speak", duration_ms=1500)
    assert driver.send_at_once("assistant_speech_ended") is None

    assert driver.types("user_input_timeout") == ["hangup"]


def test_deferred_actions_are_dropped_when_the_caller_presses_a_key() -> None:
    driver = CallDriver(lambda event, call: call.speak("Bye").then(call.hangup()))
    driver.send("user_speak", text="bye")
    driver.send("dtmf_received", digit="5")

    assert len(driver.record.deferred_actions) == 1  # only the one of the answer to the key


def test_deferred_actions_are_kept_when_the_caller_text_is_blank() -> None:
    driver = CallDriver(goodbye)
    driver.send("user_speak", text="bye")
    driver.runtime.sessions.load(driver.session_id)

    driver.send("user_speak", text="")

    assert len(driver.record.deferred_actions) == 1


def test_the_end_of_an_earlier_playback_does_not_release_deferred_actions() -> None:
    driver = CallDriver(
        lambda event, call: "Welcome" if event.type == "session_start" else goodbye(event, call)
    )
    driver.send("session_start")  # still playing when the key is pressed

    assert driver.types("dtmf_received", digit="0") == ["barge_in", "speak"]
    assert driver.types("assistant_speech_ended") == []  # of the welcome
    assert driver.types("assistant_speech_ended") == ["hangup"]


def test_a_chain_waits_for_each_of_its_playbacks() -> None:
    chime = load_audio(wav())
    driver = CallDriver(
        lambda event, call: call.speak("One").then(
            call.mix_audio(stop=True), call.audio(chime), call.speak("Two").then(call.hangup())
        )
    )

    assert driver.types("user_speak", text="go") == ["speak"]
    assert driver.types("assistant_speech_ended") == ["mix_audio", "audio"]
    assert driver.types("assistant_speech_ended") == ["speak"]
    assert driver.types("assistant_speech_ended") == ["hangup"]


def test_a_deferred_speech_gets_an_input_timeout_when_more_actions_follow() -> None:
    driver = CallDriver(
        lambda event, call: call.speak("One").then(call.speak("Two"), call.hangup())
    )
    driver.send("user_speak", text="go")

    assert driver.send("assistant_speech_ended")["user_input_timeout_seconds"] == 8


def test_deferred_actions_are_sent_once_even_if_the_end_is_reported_twice() -> None:
    driver = CallDriver(
        lambda event, call: (
            call.speak("One").then(call.speak("Two")) if event.type == "user_speak" else None
        )
    )
    driver.send("user_speak", text="go")

    assert driver.types("assistant_speech_ended") == ["speak"]
    assert driver.types("assistant_speech_ended") == []


def test_deferred_actions_wait_for_two_speeches_in_one_answer() -> None:
    driver = CallDriver(
        lambda event, call: (
            [call.speak("One"), call.speak("Two").then(call.hangup())]
            if isinstance(event, UserSpeak)
            else None
        )
    )
    driver.send("user_speak", text="go")

    assert driver.types("assistant_speech_ended") == []
    assert driver.types("assistant_speech_ended") == ["hangup"]


def test_a_deferred_message_is_billed_when_it_is_sent_and_only_once() -> None:
    def text(event: Event, call: Call) -> Reply:
        if not isinstance(event, UserSpeak):
            return None
        return call.speak("I will text you.").then(call.send_sms("493023125001", "Hello"))

    driver = CallDriver(text, settings=make_settings(allowed_numbers={"493023125001"}))
    driver.send("user_speak", text="text me")
    assert driver.types("assistant_speech_ended") == ["send_sms"]

    driver.send("user_speak", text="text me again")
    assert driver.types("assistant_speech_ended") == []


def test_deferred_actions_that_are_too_large_are_named_in_the_log() -> None:
    minute = load_audio(wav(bytes(32_000 * 60)))
    driver = CallDriver(lambda event, call: call.speak("Listen").then(call.audio(minute)))

    assert driver.types("user_speak", text="go") == ["speak"]  # the apology
    assert "the actions deferred by .then" in str(driver.log.entries()[-1]["detail"])


def test_a_deferred_hangup_always_has_the_session_id_of_the_call() -> None:
    def mix_up(event: Event, call: Call) -> Reply:
        foreign = call.hangup().model_copy(update={"session_id": "somebody-else"})
        return call.speak("Bye").then(foreign)

    driver = CallDriver(mix_up)
    driver.send("user_speak", text="bye")

    assert driver.send("assistant_speech_ended") == {"type": "hangup", "session_id": "session-123"}
