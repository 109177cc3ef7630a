import pytest

from aiflow_local.simulator.engine.call import EPOCH_MS
from tests.unit.local.simulator.fake_bots import (
    HALF_A_SECOND,
    SECOND,
    Json,
    act,
    answers,
    call,
    in_turn,
    say,
)

HELLO = say("Hello there, caller")


def test_the_start_and_the_end_of_a_speak_are_reported() -> None:
    phone, bot = call(answers(session_start=HELLO))
    phone.settle()

    assert bot.event_types == ["session_start", "assistant_speak", "assistant_speech_ended"]
    assert bot.all("assistant_speak") == [
        {"text": "Hello there, caller", "duration_ms": 1200, "speech_started_at": EPOCH_MS}
    ]
    assert phone.clock.now_ms == 1200


def test_ssml_is_reported_with_its_words_and_its_markup() -> None:
    ssml = "<speak>One <break time='1s'/> two</speak>"
    phone, bot = call(answers(session_start=act("speak", ssml=ssml)))
    phone.settle()

    (reported,) = bot.all("assistant_speak")
    assert (reported["text"], reported["ssml"], reported["duration_ms"]) == ("One two", ssml, 1800)


def test_without_assistant_speak_the_end_is_still_reported() -> None:
    phone, bot = call(answers(session_start=HELLO), assistant_speak=False)
    phone.settle()

    assert bot.event_types == ["session_start", "assistant_speech_ended"]


def test_audio_reports_only_its_end() -> None:
    phone, bot = call(answers(session_start=act("audio", audio=SECOND)))
    phone.settle()

    assert bot.event_types == ["session_start", "assistant_speech_ended"]
    assert (phone.clock.now_ms, phone.heard) == (1000, [""])


def test_an_empty_playback_starts_and_ends() -> None:
    phone, bot = call(answers(session_start=act("speak", ssml="<speak/>")))
    phone.settle()

    assert bot.event_types == ["session_start", "assistant_speak", "assistant_speech_ended"]
    assert phone.clock.now_ms == 0


def test_playbacks_of_one_answer_follow_each_other() -> None:
    phone, bot = call(answers(session_start=[HELLO, act("audio", audio=SECOND), say("Bye")]))
    phone.settle()

    assert phone.heard == ["Hello there, caller", "", "Bye"]
    assert phone.clock.now_ms == 1200 + 1000 + 400
    assert [each["speech_started_at"] - EPOCH_MS for each in bot.all("assistant_speak")] == [
        0,
        2200,
    ]


def test_other_actions_do_not_wait_for_a_playback() -> None:
    phone, _ = call(
        answers(session_start=[HELLO, act("mix_audio", audio=SECOND), act("audio", audio=SECOND)])
    )

    assert phone.playback_queue.background
    assert phone.playback_queue.background.audio == SECOND
    phone.settle()
    assert phone.clock.now_ms == 2200


def test_a_later_speak_waits_until_the_earlier_ones_are_over() -> None:
    phone, _ = call(
        in_turn([HELLO, say("More of it")], say("Later")),
        second_speak="queue",
    )
    phone.settle()

    assert phone.heard == ["Hello there, caller", "More of it", "Later"]


def test_a_later_speak_takes_the_place_of_the_earlier_ones() -> None:
    phone, _ = call(
        answers(
            session_start=[HELLO, say("More of it")],
            dtmf_received=[say("Later"), say("And later")],
        ),
        second_speak="replace",
    )
    phone.presses("1", after_ms=500)
    phone.settle()

    assert phone.heard == ["Hello", "Later", "And later"]
    assert phone.clock.now_ms == 500 + 400 + 800


def test_barge_in_stops_all_playbacks_and_later_ones_start() -> None:
    phone, bot = call(
        answers(
            session_start=[HELLO, say("More")],
            dtmf_received=[act("barge_in"), say("Stopped")],
        )
    )
    phone.presses("1", after_ms=900)
    phone.settle()

    assert phone.heard == ["Hello there,", "Stopped"]
    assert bot.event_types.count("assistant_speech_ended") == 2
    assert 'not played: speak "More"' in str(phone.transcript)


def test_barge_in_stops_earlier_playbacks_of_its_answer() -> None:
    phone, _ = call(answers(session_start=[HELLO, act("barge_in"), say("Now")]))
    phone.settle()

    assert phone.heard == ["", "Now"]


def test_barge_in_stops_a_sound() -> None:
    phone, _ = call(
        answers(session_start=act("audio", audio=SECOND), dtmf_received=act("barge_in"))
    )
    phone.presses("1", after_ms=300)
    phone.settle()

    assert phone.clock.now_ms == 300
    assert "a sound, cut short after 0.3 s" in str(phone.transcript)


def test_barge_in_with_nothing_to_stop_does_nothing() -> None:
    phone, bot = call(answers(session_start=act("barge_in")))
    phone.settle()

    assert bot.event_types == ["session_start"]
    assert phone.problems == []


@pytest.mark.parametrize("reported", [True, False])
def test_the_end_of_an_interrupted_playback_is_reported_depending_on_the_option(
    *, reported: bool
) -> None:
    phone, bot = call(
        answers(session_start=HELLO, dtmf_received=act("barge_in")),
        speech_ended_after_interruption=reported,
    )
    phone.presses("1", after_ms=100)
    phone.settle()

    assert ("assistant_speech_ended" in bot.event_types) is reported


def test_a_key_does_not_stop_a_playback() -> None:
    phone, _ = call(answers(session_start=HELLO))
    phone.presses("12#", after_ms=100)
    phone.settle()

    assert phone.heard == ["Hello there, caller"]


@pytest.mark.parametrize(("waits", "heard"), [(False, [""]), (True, ["Goodbye"])])
def test_hangup_interrupts_the_playback_or_waits_for_its_end(
    *, waits: bool, heard: list[str]
) -> None:
    phone, bot = call(answers(session_start=[say("Goodbye"), act("hangup")]), hangup_waits=waits)
    phone.settle()

    assert phone.heard == heard
    assert phone.is_over
    assert bot.event_types[-1] == "session_end"


def test_an_immediate_hangup_interrupts_all_earlier_playbacks() -> None:
    phone, _ = call(answers(session_start=[HELLO, say("More"), act("hangup")]))

    assert (phone.heard, phone.is_over, phone.clock.now_ms) == ([""], True, 0)


def test_a_waiting_hangup_follows_all_earlier_playbacks() -> None:
    phone, _ = call(
        answers(
            session_start=[HELLO, act("audio", audio=HALF_A_SECOND), act("hangup")],
            assistant_speech_ended=say("Not any more"),
        ),
        hangup_waits=True,
    )
    phone.settle()

    assert phone.heard == ["Hello there, caller", ""]
    assert phone.is_over
    assert phone.clock.now_ms == 1700


def test_a_waiting_hangup_happens_when_the_caller_interrupts() -> None:
    phone, bot = call(
        answers(session_start=[HELLO, say("More"), act("hangup")]),
        hangup_waits=True,
    )
    phone.interrupts("Thank you, bye", after_ms=500)

    assert phone.is_over
    assert bot.event_types == ["session_start", "assistant_speak", "session_end"]


@pytest.mark.parametrize(
    "later", [say("Later"), act("configure_voice_to_voice", system_prompt="?", greeting="Later")]
)
def test_a_waiting_hangup_happens_when_the_playback_is_replaced(
    later: Json,
) -> None:
    phone, bot = call(
        answers(session_start=[HELLO, act("hangup")], dtmf_received=later),
        hangup_waits=True,
        second_speak="replace",
    )
    phone.presses("1", after_ms=500)

    assert phone.heard == ["Hello"]
    assert phone.playback_queue.current is None
    assert bot.event_types[-1] == "session_end"


def test_a_waiting_hangup_without_a_playback_is_immediate() -> None:
    phone, _ = call(answers(session_start=act("hangup")), hangup_waits=True)

    assert phone.is_over


def test_actions_after_hangup_are_not_executed_and_have_a_warning() -> None:
    phone, _ = call(answers(session_start=[act("hangup"), HELLO]))
    phone.settle()

    assert [action.type for action in phone.actions] == ["hangup"]
    assert [problem.code for problem in phone.problems] == ["unreachable"]
