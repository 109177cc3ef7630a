import pytest

from aiflow import Speak
from aiflow.protocol.ssml import spoken_text
from aiflow_local.simulator.engine.speech_timing import Speech, audio_ms, speaking_ms, time_speech
from tests.unit.local.simulator.fake_bots import SECOND

SLOW = 60
"""Words per minute: one word per second."""


def ssml(inside: str) -> Speech:
    """Return the timing of SSML at one word per second."""
    return time_speech(Speak(session_id="1", ssml=f"<speak>{inside}</speak>"), SLOW)


def text(words: str, words_per_minute: int = SLOW) -> Speech:
    """Return the timing of text."""
    return time_speech(Speak(session_id="1", text=words), words_per_minute)


def test_a_text_lasts_as_long_as_its_words_at_the_rate_that_is_set() -> None:
    assert text("one two three").duration_ms == 3000
    assert text("one two three", 180).duration_ms == 1000
    assert speaking_ms("one  two\nthree", 180) == 1000


def test_a_sound_lasts_as_long_as_its_samples() -> None:
    assert audio_ms(SECOND) == 1000


@pytest.mark.parametrize(
    ("inside", "duration_ms"),
    [
        ("", 0),
        ("one two", 2000),
        ("one <break time='500ms'/> two", 2500),
        ("one <break time='1.5s'/> two", 3500),
        ("one<break/>two", 2500),
        ("one<break strength='none'/>two", 2000),
        ("one<break strength='x-strong'/>two", 3000),
        ("one<break time='soon'/>two", 2500),
        ("<p>one</p><s>two</s>", 2000),
        ("Hel<emphasis>lo</emphasis>, you", 2000),
        ("<prosody rate='50%'>one</prosody> two", 3000),
        ("<prosody rate='0.5'>one</prosody>", 2000),
        ("<prosody rate='+100%'>one two</prosody>", 1000),
        ("<prosody rate='-50%'>one</prosody>", 2000),
        ("<prosody rate='x-slow'>one</prosody>", 2000),
        ("<prosody rate='fast'>one</prosody>", 800),
        ("<prosody pitch='high'>one</prosody>", 1000),
        ("<prosody rate='as you like'>one</prosody>", 1000),
        ("<prosody rate='0%'>one</prosody>", 10_000),
        # The inner rate is of the usual one, a signed one of the outer; breaks are not hurried.
        ("<prosody rate='50%'><prosody rate='200%'>one</prosody> two</prosody>", 2500),
        ("<prosody rate='50%'><prosody rate='+100%'>one</prosody> two</prosody>", 3000),
        ("<prosody rate='200%'>one <break time='1s'/> two</prosody> three", 3000),
        ("<voice name='x'><mstts:express-as style='sad'>one</mstts:express-as></voice>", 1000),
        (f"one<break time='{'9' * 400}s'/>", 1000 + 60 * 60 * 1000),
        (f"<prosody rate='{'9' * 400}%'>one</prosody>", 100),
    ],
)
def test_markup_is_not_spoken_but_pauses_and_rates_count(inside: str, duration_ms: int) -> None:
    assert ssml(inside).duration_ms == duration_ms


@pytest.mark.parametrize("inside", ["one<break/>two", "Hel<b>lo</b> <p>you</p>all", " a<s> b</s>"])
def test_the_heard_words_of_a_whole_speech_are_its_words(inside: str) -> None:
    assert ssml(inside).heard(1e9) == spoken_text(f"<speak>{inside}</speak>")


def test_deep_markup_is_read_too() -> None:
    deep = 20_000
    assert ssml("<a>" * deep + "one" + "</a>" * deep).duration_ms == 1000


def test_a_word_is_heard_when_it_has_ended() -> None:
    said = text("one two three")

    assert [said.heard(ms) for ms in (0, 999, 1000, 2500, 3000)] == [
        "",
        "",
        "one",
        "one two",
        "one two three",
    ]


def test_pauses_count_for_what_is_heard() -> None:
    said = ssml("one <break time='5s'/> two")

    assert (said.heard(6500), said.heard(7000)) == ("one", "one two")
