"""`speak(...).then(...)`: what follows a playback is sent when it has been heard."""

from aiflow import Call, DtmfReceived, Event, Reply, UserSpeak, load_audio
from tests.helpers.in_process import Line
from tests.helpers.runtime import make_settings
from tests.helpers.wav import wav


def goodbye(event: Event, call: Call) -> Reply:
    """Say goodbye to "bye" and then hang up; repeat anything else."""
    if isinstance(event, UserSpeak) and event.text == "bye":
        return call.speak("Goodbye").then(call.hangup())
    if isinstance(event, DtmfReceived):
        return [call.barge_in(), call.speak("Bye").then(call.hangup())]
    return "Hello" if isinstance(event, UserSpeak) else None


def test_the_goodbye_is_not_cut_off_the_hang_up_waits_for_its_end() -> None:
    line = Line(goodbye)

    assert line.types("user_speak", text="bye") == ["speak"]
    assert line.types("assistant_speak", duration_ms=700) == []
    assert line.types("assistant_speech_ended") == ["hangup"]


def test_if_the_end_is_never_reported_the_input_timeout_sends_what_waits() -> None:
    line = Line(goodbye)

    assert line.send("user_speak", text="bye")["user_input_timeout_seconds"] == 8
    assert line.types("user_input_timeout") == ["hangup"]


def test_a_timeout_that_the_handler_set_is_left_as_it_is() -> None:
    line = Line(
        lambda event, call: call.speak("Bye", user_input_timeout_seconds=3).then(call.hangup())
    )

    assert line.send("user_speak", text="bye")["user_input_timeout_seconds"] == 3


def test_it_is_dropped_when_the_caller_goes_on_talking() -> None:
    line = Line(goodbye)
    line.send("user_speak", text="bye")

    assert line.types("user_speak", text="wait!", barged_in=True) == ["speak"]
    assert line.types("assistant_speech_ended") == []
    assert line.item.deferred_actions == ()


def test_an_end_that_comes_too_early_is_an_interruption_whose_words_are_still_on_their_way() -> (
    None
):
    line = Line(goodbye)
    line.send("user_speak", text="bye")
    line.send_at_once("assistant_speak", duration_ms=1500)

    line.clock.advance(0.8)
    assert line.send_at_once("assistant_speech_ended") is None

    line.clock.advance(0.9)
    assert line.send_at_once("user_speak", text="wait!", barged_in=True)["text"] == "Hello"
    assert line.item.deferred_actions == ()


def test_without_a_reported_length_no_voice_is_believed_to_speak_that_fast() -> None:
    line = Line(lambda event, call: call.speak("Goodbye. " * 10).then(call.hangup()))
    line.send("user_speak", text="bye")

    line.clock.advance(1)
    assert line.send_at_once("assistant_speech_ended") is not None  # the handler, not the hang-up
    assert line.item.status.value == "active"


def test_if_the_interruption_had_no_words_the_input_timeout_sends_what_waits() -> None:
    line = Line(goodbye)
    line.send("user_speak", text="bye")
    line.send_at_once("assistant_speak", duration_ms=1500)
    assert line.send_at_once("assistant_speech_ended") is None

    assert line.types("user_input_timeout") == ["hangup"]


def test_it_is_dropped_when_the_caller_presses_a_key() -> None:
    line = Line(lambda event, call: call.speak("Bye").then(call.hangup()))
    line.send("user_speak", text="bye")
    line.send("dtmf_received", digit="5")

    assert len(line.item.deferred_actions) == 1  # only what the key's own answer made wait


def test_it_is_kept_when_the_recogniser_reports_no_words() -> None:
    line = Line(goodbye)
    line.send("user_speak", text="bye")
    line.runtime.sessions.load(line.session_id)

    line.send("user_speak", text="")

    assert len(line.item.deferred_actions) == 1


def test_the_end_of_an_earlier_playback_does_not_cut_the_goodbye_off() -> None:
    line = Line(
        lambda event, call: "Welcome" if event.type == "session_start" else goodbye(event, call)
    )
    line.send("session_start")  # still playing when the key is pressed

    assert line.types("dtmf_received", digit="0") == ["barge_in", "speak"]
    assert line.types("assistant_speech_ended") == []  # of the welcome
    assert line.types("assistant_speech_ended") == ["hangup"]


def test_a_chain_waits_for_each_playback_in_it() -> None:
    chime = load_audio(wav())
    line = Line(
        lambda event, call: call.speak("One").then(
            call.mix_audio(stop=True), call.audio(chime), call.speak("Two").then(call.hangup())
        )
    )

    assert line.types("user_speak", text="go") == ["speak"]
    assert line.types("assistant_speech_ended") == ["mix_audio", "audio"]
    assert line.types("assistant_speech_ended") == ["speak"]
    assert line.types("assistant_speech_ended") == ["hangup"]


def test_a_speech_that_follows_is_watched_too_when_more_waits_behind_it() -> None:
    line = Line(lambda event, call: call.speak("One").then(call.speak("Two"), call.hangup()))
    line.send("user_speak", text="go")

    assert line.send("assistant_speech_ended")["user_input_timeout_seconds"] == 8


def test_what_follows_is_sent_once_even_if_the_end_is_reported_twice() -> None:
    line = Line(
        lambda event, call: (
            call.speak("One").then(call.speak("Two")) if event.type == "user_speak" else None
        )
    )
    line.send("user_speak", text="go")

    assert line.types("assistant_speech_ended") == ["speak"]
    assert line.types("assistant_speech_ended") == []


def test_two_speeches_in_one_answer_are_both_waited_for() -> None:
    line = Line(
        lambda event, call: (
            [call.speak("One"), call.speak("Two").then(call.hangup())]
            if isinstance(event, UserSpeak)
            else None
        )
    )
    line.send("user_speak", text="go")

    assert line.types("assistant_speech_ended") == []
    assert line.types("assistant_speech_ended") == ["hangup"]


def test_an_sms_that_waits_is_decided_when_it_is_sent_and_only_once() -> None:
    def text(event: Event, call: Call) -> Reply:
        if not isinstance(event, UserSpeak):
            return None
        return call.speak("I will text you.").then(call.send_sms("493023125001", "Hello"))

    line = Line(text, settings=make_settings(allowed_numbers={"493023125001"}))
    line.send("user_speak", text="text me")
    assert line.types("assistant_speech_ended") == ["send_sms"]

    line.send("user_speak", text="text me again")
    assert line.types("assistant_speech_ended") == []


def test_too_much_to_keep_is_a_mistake_that_the_log_names() -> None:
    minute = load_audio(wav(bytes(32_000 * 60)))
    line = Line(lambda event, call: call.speak("Listen").then(call.audio(minute)))

    assert line.types("user_speak", text="go") == ["speak"]  # the apology
    assert "the actions deferred by .then" in str(line.log.entries()[-1]["detail"])


def test_the_hang_up_that_follows_names_the_right_session_whoever_made_it() -> None:
    def mix_up(event: Event, call: Call) -> Reply:
        foreign = call.hangup().model_copy(update={"session_id": "somebody-else"})
        return call.speak("Bye").then(foreign)

    line = Line(mix_up)
    line.send("user_speak", text="bye")

    assert line.send("assistant_speech_ended") == {"type": "hangup", "session_id": "session-123"}
