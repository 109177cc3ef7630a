"""Ends of turns, and recognized words; a word takes 400 ms."""

import pytest

from tests.unit.local.simulator.fake_bots import (
    Bot,
    Json,
    act,
    answers,
    call,
    in_turn,
    played_ms,
    say,
)


def test_a_turn_is_over_after_a_silence() -> None:
    phone, bot = call(answers())
    phone.says("Hello there")

    assert bot.all("user_speak") == [{"text": "Hello there"}]
    assert phone.clock.now_ms == 800 + 500


def test_words_may_have_an_explicit_duration() -> None:
    phone, _ = call(answers())
    phone.says("Hello there", duration_ms=3000)

    assert phone.clock.now_ms == 3500


def test_time_does_not_run_backwards() -> None:
    phone, _ = call(answers())

    with pytest.raises(ValueError, match="negative"):
        phone.says("Hello", duration_ms=-1)


def test_speech_within_the_silence_continues_the_turn() -> None:
    phone, bot = call(answers())
    phone.starts_saying("My number is")
    phone.advance(1200 + 400)
    phone.says_now("one two three")

    assert bot.all("user_speak") == [{"text": "My number is one two three"}]


def test_speech_after_the_silence_starts_another_turn() -> None:
    phone, bot = call(answers())
    phone.starts_saying("My number is")
    phone.advance(1200 + 500)
    phone.says_now("one two three")

    assert [each["text"] for each in bot.all("user_speak")] == ["My number is", "one two three"]


def test_simultaneous_utterances_are_one_turn() -> None:
    phone, bot = call(answers())
    phone.starts_saying("one two three four")
    phone.advance(400)
    phone.starts_saying("five")
    phone.settle()

    assert bot.all("user_speak") == [{"text": "one two three four five"}]
    assert phone.clock.now_ms == 1600 + 500


def test_characters_of_a_turn_count_together() -> None:
    phone, bot = call(answers(session_start=say("one two three four five six seven")))
    phone.starts_saying("ok")
    phone.advance(600)
    phone.says_now("so")

    assert bot.all("user_speak") == [{"text": "ok so", "barged_in": True}]
    # `ok s`: more than three.
    assert played_ms(phone)[0] == 800


def test_speak_sets_the_silence_until_another_does() -> None:
    vad = {"end_of_turn_silence_ms": 200}
    phone, _ = call(answers(session_start=say("Hi", vad=vad), user_speak=say("Yes")))

    phone.says("one")
    assert phone.clock.now_ms == 400 + 400 + 200
    phone.says("two")
    assert phone.clock.now_ms == 1000 + 400 + 400 + 200


def test_configure_transcription_overrides_the_silence_that_speak_set() -> None:
    phone, _ = call(
        in_turn(
            [
                say("Hi", vad={"end_of_turn_silence_ms": 200}),
                act("configure_transcription", vad={"end_of_turn_silence_ms": 2000}),
            ],
        )
    )
    phone.says("one")

    assert phone.clock.now_ms == 400 + 400 + 2000


def test_a_silence_out_of_range_is_ignored_and_the_rest_applies() -> None:
    phone, _ = call(answers(session_start=say("Hi", vad={"end_of_turn_silence_ms": 5000})))
    phone.says("one")

    assert phone.heard == ["Hi"]
    assert phone.clock.now_ms == 400 + 400 + 500
    assert [problem.code for problem in phone.problems] == ["invalid_value"]


GERMAN = act("configure_transcription", languages=["de-DE"])


def test_words_are_lost_while_recognition_starts_again() -> None:
    phone, bot = call(answers(session_start=GERMAN), language_restart_ms=500)
    phone.says("lost lost heard heard")

    assert bot.all("user_speak") == [{"text": "heard heard"}]


@pytest.mark.parametrize(("restart_ms", "understood"), [(500, "two three"), (800, "three")])
def test_a_change_of_provider_takes_a_time_of_its_own(restart_ms: int, understood: str) -> None:
    deepgram = act("configure_transcription", provider="DEEPGRAM", languages=["de-DE"])
    phone, bot = call(
        answers(session_start=deepgram), language_restart_ms=0, provider_restart_ms=restart_ms
    )
    phone.says("one two three", duration_ms=1500)

    assert bot.all("user_speak") == [{"text": understood}]


def test_words_before_a_restart_are_not_lost() -> None:
    phone, bot = call(answers(dtmf_received=GERMAN), language_restart_ms=500)
    phone.starts_saying("one two three four")
    phone.advance(500)
    phone.presses_now("1")
    phone.settle()

    assert bot.all("user_speak") == [{"text": "one two four"}]


def test_when_all_words_are_lost_no_event_is_sent() -> None:
    phone, bot = call(answers(session_start=GERMAN), language_restart_ms=5000)
    phone.says("Hello")

    assert bot.event_types == ["session_start"]


def test_words_that_are_lost_interrupt_nothing() -> None:
    hello = say("one two three four five", barge_in={"strategy": "immediate"})
    phone, _ = call(answers(session_start=[GERMAN, hello]), language_restart_ms=1000)
    phone.interrupts("lost lost")
    phone.settle()

    assert phone.heard == ["one two three four five"]


CHANGES: list[tuple[list[Json], int]] = [
    ([{"languages": ["de-DE"]}], 1),
    ([{"languages": ["de-DE"]}, {"languages": ["de-DE"]}], 1),
    ([{"languages": ["de-DE"]}, {"languages": ["de-DE", "en-US"]}], 2),
    ([{"provider": "AZURE"}], 1),
    ([{"provider": "AZURE"}, {"provider": "AZURE"}], 1),
    ([{"provider": "AZURE"}, {"provider": "DEEPGRAM"}], 2),
    # The same provider without languages goes back to its default languages.
    ([{"provider": "AZURE", "languages": ["de-DE"]}, {"provider": "AZURE"}], 2),
    # Neither of the two: they stay as they are.
    ([{"languages": ["de-DE"]}, {"custom_vocabulary": ["sipgate"]}], 1),
    ([{"custom_vocabulary": ["sipgate"]}, {"vad": {"end_of_turn_silence_ms": 300}}], 0),
    ([{}], 0),
]
"""Settings in one answer, and the number of restarts of speech recognition."""


@pytest.mark.parametrize(("changes", "restarts"), CHANGES)
def test_recognition_starts_again_when_language_or_provider_change(
    changes: list[Json], restarts: int
) -> None:
    actions = [act("configure_transcription", **change) for change in changes]
    phone, _ = call(answers(session_start=actions))

    assert str(phone.transcript).count("speech recognition restarts") == restarts


def test_over_a_websocket_speech_is_reported_once_per_turn() -> None:
    bot = Bot(answers(), reports_speech_started=True)
    phone, _ = call(bot)
    phone.starts_saying("one")
    phone.advance(500)
    phone.says_now("two")
    phone.says("three")

    assert bot.event_types == ["session_start", *["user_speech_started", "user_speak"] * 2]


def test_over_a_websocket_sound_without_words_is_reported_with_the_next_words() -> None:
    bot = Bot(answers(), reports_speech_started=True)
    phone, _ = call(bot)
    phone.says("", duration_ms=300)
    phone.says("Pardon me")

    assert bot.event_types == ["session_start", "user_speech_started", "user_speak"]


def test_over_http_the_start_of_speech_is_not_reported() -> None:
    phone, bot = call(answers())
    phone.says("Hello")

    assert "user_speech_started" not in bot.event_types


def test_keys_are_reported_one_by_one_with_gaps() -> None:
    phone, bot = call(answers())
    phone.presses("1*#")

    assert [each["digit"] for each in bot.all("dtmf_received")] == ["1", "*", "#"]
    assert phone.clock.now_ms == 400
