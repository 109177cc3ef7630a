"""Text messages, background sound and voice-to-voice."""

import pytest

from tests.unit.local.simulator.fake_bots import (
    HALF_A_SECOND,
    SECOND,
    Bot,
    Json,
    act,
    answers,
    call,
    in_turn,
    say,
)

MESSAGE = act("send_sms", phone_number="491713920050", message="See you on Monday")


def test_a_message_that_is_sent_is_not_reported() -> None:
    phone, bot = call(answers(session_start=MESSAGE), sms="ok")
    phone.waits(60)

    assert bot.event_types == ["session_start"]


def test_a_message_that_fails_is_reported_and_the_call_goes_on() -> None:
    phone, bot = call(
        answers(session_start=[MESSAGE, say("I have sent it")], sms_failed=say("Or not")),
        sms="failed",
    )
    phone.waits(5)

    assert bot.all("sms_failed") == [{"reason": "the message could not be delivered"}]
    assert phone.heard == ["I have sent it", "Or not"]


def test_a_message_that_fails_after_the_call_is_not_reported() -> None:
    phone, bot = call(answers(session_start=[MESSAGE, act("hangup")]), sms="failed")
    phone.waits(60)

    assert bot.event_types == ["session_start", "session_end"]


def test_a_sound_in_the_background_begins_is_replaced_and_stops() -> None:
    phone, _ = call(
        in_turn(
            act("mix_audio", audio=SECOND),
            act("mix_audio", audio=HALF_A_SECOND, volume=0.1),
            act("mix_audio", stop=True),
            act("mix_audio", stop=True),
        )
    )
    sounds = [phone.playback_queue.background]
    for _ in range(3):
        phone.presses("1")
        sounds.append(phone.playback_queue.background)

    assert [sound and sound.audio for sound in sounds] == [SECOND, HALF_A_SECOND, None, None]
    notes = [
        line.split("sound ")[1]
        for line in str(phone.transcript).split("\n")
        if "the backgr" in line
    ]
    assert notes == ["begins", "is replaced", "stops", "is not playing"]


def test_a_sound_in_the_background_outlives_turns_and_ends_with_the_call() -> None:
    phone, _ = call(
        answers(
            session_start=[act("mix_audio", audio=SECOND), say("Hello")],
            user_speak=[act("barge_in"), say("Yes")],
        )
    )
    phone.interrupts("Hello you")
    phone.settle()
    assert phone.playback_queue.background

    phone.hangs_up()

    assert phone.playback_queue.background is None
    assert "the background sound ends" in str(phone.transcript)


def test_a_sound_in_the_background_is_not_heard_as_a_playback() -> None:
    phone, bot = call(answers(session_start=act("mix_audio", audio=SECOND)))
    phone.waits(60)

    assert bot.event_types == ["session_start"]
    assert phone.heard == []


MODEL = act("configure_voice_to_voice", system_prompt="You are kind", greeting="Good morning")


def test_a_model_greets_and_reports_nothing_of_what_it_says() -> None:
    phone, bot = call(answers(session_start=MODEL))
    phone.waits(60)

    assert phone.heard == ["Good morning"]
    assert bot.event_types == ["session_start"]
    assert [action.type for action in phone.actions] == ["configure_voice_to_voice"]


def test_what_the_caller_says_to_a_model_is_reported_for_the_record() -> None:
    bot = Bot(answers(session_start=MODEL), reports_speech_started=True)
    phone, _ = call(bot)
    phone.interrupts("Good morning to you", after_ms=100)

    assert bot.all("user_speak") == [{"text": "Good morning to you"}]
    assert "user_speech_started" not in bot.event_types
    # The caller can interrupt a model.
    assert phone.heard == [""]


def test_speak_is_an_instruction_to_a_model_without_events_and_timeouts() -> None:
    ask = say("Ask for the name", user_input_timeout_seconds=5)
    phone, bot = call(answers(session_start=MODEL, user_speak=ask))
    phone.says("Hello")
    phone.waits(60)

    assert phone.heard == ["Good morning", "Ask for the name"]
    assert bot.event_types == ["session_start", "user_speak"]
    assert [problem.code for problem in phone.problems] == ["speak_in_voice_to_voice"]


def test_settings_of_recognition_have_no_effect_on_a_model() -> None:
    deaf = act("configure_transcription", languages=["de-DE"])
    phone, bot = call(answers(session_start=MODEL, dtmf_received=deaf), language_restart_ms=60_000)
    phone.presses("1")
    phone.says("Hello")

    assert bot.all("user_speak") == [{"text": "Hello"}]
    assert [problem.code for problem in phone.problems] == ["no_op"]


def test_what_was_said_before_a_model_takes_over_is_cut_short() -> None:
    model = MODEL | {"greeting": "Hi"}
    phone, _ = call(answers(session_start=say("One two three"), dtmf_received=model))
    phone.presses("1", after_ms=400)
    phone.settle()

    assert phone.heard == ["One", "Hi"]


@pytest.mark.parametrize("action", [act("audio", audio=SECOND), act("mix_audio", audio=SECOND)])
def test_sounds_are_played_beside_a_model(action: Json) -> None:
    phone, bot = call(answers(session_start=MODEL, dtmf_received=action))
    phone.presses("1")
    phone.settle()

    assert phone.problems == []
    assert bot.event_types == ["session_start", "dtmf_received"]


def test_keys_messages_and_the_end_are_unchanged() -> None:
    phone, bot = call(
        answers(session_start=MODEL, dtmf_received=[MESSAGE, act("hangup")]), sms="failed"
    )
    phone.presses("1")

    assert bot.event_types == ["session_start", "dtmf_received", "session_end"]
