"""Interruptions; a word takes 400 ms, divided evenly among its letters."""

import pytest

from tests.unit.local.simulator.fake_bots import (
    SECOND,
    Bot,
    Json,
    act,
    answers,
    call,
    played_ms,
    say,
)

LONG = "one two three four five six seven eight nine ten"


def long(**barge_in: object) -> Json:
    """Return a `speak` of four seconds."""
    return say(LONG, barge_in=barge_in)


def test_words_interrupt_once_there_are_more_characters_than_the_default() -> None:
    phone, bot = call(answers(session_start=say(LONG)))
    phone.interrupts("Wait please", after_ms=1000)

    # The fourth of four letters, 400 ms after the begin.
    assert phone.heard == ["one two three"]
    assert bot.all("user_speak") == [{"text": "Wait please", "barged_in": True}]


def test_the_heard_words_and_their_duration_are_in_the_transcript() -> None:
    phone, _ = call(answers(session_start=say(LONG)))
    phone.interrupts("Wait please", after_ms=1000)

    assert '1.40  heard    "one two three", cut short after 1.4 s' in str(phone.transcript)


@pytest.mark.parametrize(
    ("characters", "words", "interrupts_ms"),
    [
        (1, "no", 400),  # 200 ms a letter
        (2, "no", None),
        (3, "yes", None),
        (3, "yes I", 800),
        (10, "abcde fghij", 800),
        (11, "abcde fghij", None),
        (100, "a hundred letters are never said here", None),
    ],
)
def test_characters_must_exceed_the_threshold_and_spaces_count(
    characters: int, words: str, interrupts_ms: int | None
) -> None:
    strategy = "minimum_characters"
    phone, bot = call(answers(session_start=long(strategy=strategy, minimum_characters=characters)))
    phone.interrupts(words)

    (heard,) = bot.all("user_speak")
    assert ("barged_in" in heard) is (interrupts_ms is not None)
    phone.settle()
    assert played_ms(phone) == [interrupts_ms or 4000]


def test_immediate_barge_in_needs_only_sound() -> None:
    phone, bot = call(answers(session_start=long(strategy="immediate")))
    phone.interrupts("no", after_ms=1000)

    assert phone.heard == ["one two"]
    assert bot.all("user_speak") == [{"text": "no", "barged_in": True}]


def test_a_cough_interrupts_with_immediate_barge_in_and_has_no_words() -> None:
    phone, bot = call(answers(session_start=long(strategy="immediate")))
    phone.interrupts("", after_ms=1000, duration_ms=300)

    assert phone.heard == ["one two"]
    assert "user_speak" not in bot.event_types
    assert "no words were recognized" in str(phone.transcript)


@pytest.mark.parametrize("strategy", ["none", "manual"])
def test_speech_does_not_interrupt_a_protected_playback(strategy: str) -> None:
    phone, bot = call(answers(session_start=long(strategy=strategy)))
    phone.interrupts("Stop it at once", after_ms=400)
    phone.settle()

    assert phone.heard == [LONG]
    assert bot.all("user_speak") == [{"text": "Stop it at once"}]


@pytest.mark.parametrize("strategy", ["none", "manual"])
def test_the_barge_in_action_stops_a_protected_playback(strategy: str) -> None:
    phone, _ = call(answers(session_start=long(strategy=strategy), user_speak=act("barge_in")))
    phone.interrupts("Stop", after_ms=0)

    assert phone.heard == ["one two"]


def test_words_during_a_protected_playback_may_be_lost() -> None:
    phone, bot = call(
        answers(session_start=long(strategy="none")), words_during_protected_playback=False
    )
    phone.interrupts("Stop it at once", after_ms=400)
    phone.says("Hello")

    assert bot.all("user_speak") == [{"text": "Hello"}]


def test_words_after_a_protected_playback_are_heard() -> None:
    phone, bot = call(
        answers(session_start=long(strategy="none")), words_during_protected_playback=False
    )
    phone.interrupts("lost lost heard heard", after_ms=3400)

    assert bot.all("user_speak") == [{"text": "heard heard"}]


@pytest.mark.parametrize(
    ("strategy", "after_ms"), [("immediate", 2000), ("minimum_characters", 2000)]
)
def test_speech_interrupts_when_the_protected_time_ends(strategy: str, after_ms: int) -> None:
    phone, _ = call(answers(session_start=long(strategy=strategy, allow_after_ms=2000)))
    phone.interrupts("I have a question for you", after_ms=0)

    assert phone.heard == ["one two three four five"]
    assert played_ms(phone)[0] == after_ms


def test_speech_within_the_protected_time_does_not_interrupt() -> None:
    phone, bot = call(answers(session_start=long(strategy="immediate", allow_after_ms=2000)))
    phone.interrupts("Hello hello", after_ms=0)
    phone.settle()

    assert phone.heard == [LONG]
    assert bot.all("user_speak") == [{"text": "Hello hello"}]


def test_after_the_protected_time_speech_interrupts_as_usual() -> None:
    phone, _ = call(answers(session_start=long(strategy="immediate", allow_after_ms=800)))
    phone.interrupts("Hello", after_ms=1200)

    assert played_ms(phone)[0] == 1250


def test_each_playback_has_a_setting_of_its_own() -> None:
    first = long(strategy="none")
    phone, bot = call(answers(session_start=[first, long(strategy="immediate")]))
    # Begins in the one that is protected, and goes on into the one that is not.
    phone.interrupts("I do not want to hear all of this", after_ms=3200)
    phone.settle()

    assert phone.heard == [LONG, ""]
    assert bot.all("user_speak")[0]["barged_in"] is True


def test_a_pause_of_the_caller_does_not_interrupt_a_new_playback() -> None:
    phone, bot = call(answers(session_start=[long(strategy="none"), long(strategy="immediate")]))
    phone.interrupts("Well well", after_ms=3100)
    phone.settle()

    assert phone.heard == [LONG, LONG]
    assert bot.all("user_speak") == [{"text": "Well well"}]


def test_an_interruption_drops_queued_playbacks() -> None:
    phone, _ = call(answers(session_start=[say(LONG), say("More")]))
    phone.interrupts("Stop stop", after_ms=0)
    phone.settle()

    assert phone.heard == ["one"]


@pytest.mark.parametrize(("strategy", "after_ms"), [("immediate", 250), ("none", 1000)])
def test_a_sound_is_interrupted_by_the_same_rules(strategy: str, after_ms: int) -> None:
    sound = act("audio", audio=SECOND, barge_in={"strategy": strategy})
    phone, bot = call(answers(session_start=sound))
    phone.interrupts("Hello", after_ms=200)
    phone.settle()

    assert played_ms(phone)[0] == after_ms
    assert len(bot.all("user_speak")) == 1


def test_words_after_the_end_of_all_playback_interrupt_nothing() -> None:
    phone, bot = call(answers(session_start=say("Hello")))
    phone.says("Good morning")

    assert bot.all("user_speak") == [{"text": "Good morning"}]


def test_an_interruption_after_the_end_of_a_playback_is_noted() -> None:
    phone, bot = call(answers(session_start=say("Hello")))
    phone.interrupts("Good morning", after_ms=5000)

    assert bot.all("user_speak") == [{"text": "Good morning"}]
    assert "nothing is playing to interrupt" in str(phone.transcript)
    assert phone.clock.now_ms == 400 + 800 + 500


def test_an_interruption_waits_for_a_playback_to_begin() -> None:
    phone, _ = call(answers(user_speak=say(LONG)))
    phone.starts_saying("Hello")
    phone.interrupts("Wait a moment", after_ms=400)

    assert phone.heard == ["one two"]


def test_over_a_websocket_speech_is_reported_before_it_interrupts() -> None:
    bot = Bot(answers(session_start=long(strategy="immediate")), reports_speech_started=True)
    phone, _ = call(bot)
    phone.interrupts("Hello", after_ms=1000)

    assert bot.event_types[2:] == ["user_speech_started", "assistant_speech_ended", "user_speak"]
