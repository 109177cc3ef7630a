"""Input timeouts; a word takes 400 ms."""

import pytest

from tests.unit.local.simulator.fake_bots import SECOND, act, answers, call, in_turn, say

ASK = say("Your name?", user_input_timeout_seconds=5)
"""Takes 0.8 s."""


def test_it_counts_from_the_end_of_the_playback() -> None:
    phone, bot = call(answers(session_start=ASK))
    phone.advance(5799)
    assert "user_input_timeout" not in bot.event_types

    phone.advance(1)
    assert bot.event_types[-1] == "user_input_timeout"


def test_it_does_not_repeat_by_itself() -> None:
    phone, bot = call(answers(session_start=ASK))
    phone.waits(60)

    assert bot.event_types.count("user_input_timeout") == 1


def test_it_is_armed_again_by_the_answer() -> None:
    phone, bot = call(answers(session_start=ASK, user_input_timeout=ASK))
    phone.waits(13)

    assert bot.event_types.count("user_input_timeout") == 2


@pytest.mark.parametrize("members", [{}, {"user_input_timeout_seconds": 0}])
def test_without_seconds_there_is_no_timeout(members: dict[str, object]) -> None:
    phone, bot = call(answers(session_start=say("Your name?", **members)))
    phone.waits(600)

    assert "user_input_timeout" not in bot.event_types


def test_an_infinite_timeout_never_expires() -> None:
    phone, bot = call(answers(session_start=say("Hm?", user_input_timeout_seconds=1e308)))
    phone.waits(600)

    assert "user_input_timeout" not in bot.event_types


def test_speech_cancels_it() -> None:
    phone, bot = call(answers(session_start=ASK))
    phone.waits(4.9)
    phone.says("It is a long name, which takes a while to say and longer to spell")
    phone.waits(60)

    assert "user_input_timeout" not in bot.event_types


def test_speech_that_is_not_recognized_does_not_cancel_it() -> None:
    deaf = act("configure_transcription", languages=["de-DE"])
    phone, bot = call(answers(session_start=[ASK, deaf]), language_restart_ms=60_000)
    phone.says("Hello")
    phone.waits(5)

    assert "user_input_timeout" in bot.event_types


def test_speech_at_the_end_of_the_playback_prevents_it() -> None:
    ask = ASK | {"barge_in": {"strategy": "none"}}
    phone, bot = call(answers(session_start=ask))
    phone.interrupts("I speak into all of it and longer", after_ms=400, duration_ms=20_000)
    phone.waits(60)

    assert "user_input_timeout" not in bot.event_types


def test_an_interruption_cancels_it_too() -> None:
    phone, bot = call(answers(session_start=ASK))
    phone.interrupts("My name is long", after_ms=0)
    phone.waits(60)

    assert "user_input_timeout" not in bot.event_types


@pytest.mark.parametrize("ended", [True, False])
def test_after_a_stop_by_the_agent_it_counts_if_the_end_is_reported(*, ended: bool) -> None:
    phone, bot = call(
        answers(session_start=ASK, dtmf_received=act("barge_in")),
        speech_ended_after_interruption=ended,
    )
    phone.presses("1", after_ms=100)
    phone.waits(60)

    assert ("user_input_timeout" in bot.event_types) is ended


@pytest.mark.parametrize("playback", [say("Something else"), act("audio", audio=SECOND)])
def test_a_new_playback_cancels_it(playback: dict[str, object]) -> None:
    phone, bot = call(answers(session_start=ASK, dtmf_received=playback))
    phone.presses("1")
    phone.waits(60)

    assert "user_input_timeout" not in bot.event_types


def test_of_several_playbacks_the_last_one_counts() -> None:
    phone, bot = call(in_turn([ASK, say("Take your time", user_input_timeout_seconds=20)]))
    phone.advance(800 + 1200 + 19_999)
    assert "user_input_timeout" not in bot.event_types

    phone.advance(1)
    assert "user_input_timeout" in bot.event_types


@pytest.mark.parametrize("cancels", [True, False])
def test_keys_cancel_it_depending_on_the_option(*, cancels: bool) -> None:
    phone, bot = call(answers(session_start=ASK), keys_cancel_input_timeout=cancels)
    phone.presses("1")
    phone.waits(60)

    assert ("user_input_timeout" in bot.event_types) is not cancels
