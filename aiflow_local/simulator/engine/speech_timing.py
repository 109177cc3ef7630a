"""Durations of speech and audio, and the words that were heard at a given time."""

import re
from bisect import bisect_right
from dataclasses import dataclass, field
from functools import lru_cache
from xml.parsers import expat

from aiflow import Speak
from aiflow.protocol.audio import decode_audio
from aiflow.protocol.ssml import spoken_text

_MS_PER_MINUTE = 60_000
_BREAKS_MS = {"none": 0, "x-weak": 125, "weak": 250, "medium": 500, "strong": 750, "x-strong": 1000}
_RATES = {"x-slow": 0.5, "slow": 0.75, "medium": 1.0, "default": 1.0, "fast": 1.25, "x-fast": 1.75}
_TIME = re.compile(r"\+?([0-9]*\.?[0-9]+)(ms|s)", re.ASCII)
_NUMBER = re.compile(r"([+-]?)([0-9]*\.?[0-9]+)(%?)", re.ASCII)
_SLOWEST, _FASTEST = 0.1, 10.0
_MAX_BREAK_MS = 60 * 60 * 1000
# Elements that separate words, as in `spoken_text`.
_PARTING = frozenset({"break", "p", "s"})


@dataclass(frozen=True)
class Speech:
    """Timed words.

    Attributes:
        words: the words in order.
        ends_ms: end time of each word, from the start of the speech.
        duration_ms: total duration with pauses.
    """

    words: tuple[str, ...]
    ends_ms: tuple[float, ...]
    duration_ms: int

    def heard(self, ms: float) -> str:
        """Return the words that were spoken completely after this time."""
        # Rounding may put the end of the last word after the end of the speech.
        number = len(self.words) if ms >= self.duration_ms else bisect_right(self.ends_ms, ms)
        return " ".join(self.words[:number])


def speech_text(action: Speak) -> str:
    """Return the words of a `speak`, without markup."""
    return action.text if action.text is not None else spoken_text(action.ssml or "")


def speaking_ms(words: str, words_per_minute: int) -> int:
    """Return the duration of spoken words."""
    return len(words.split()) * _MS_PER_MINUTE // words_per_minute


def time_speech(action: Speak, words_per_minute: int) -> Speech:
    """Return the timed words of a `speak`, from its words, pauses and rates."""
    if action.ssml is not None:
        return _ssml_speech(action.ssml, words_per_minute)
    return _text_speech(action.text or "", words_per_minute)


@lru_cache(maxsize=16)
def audio_ms(audio: str) -> int:
    """Return the duration of an audio file."""
    return decode_audio(audio).duration_ms


@lru_cache(maxsize=256)
def _text_speech(text: str, words_per_minute: int) -> Speech:
    words = tuple(text.split())
    each = _MS_PER_MINUTE / words_per_minute
    ends_ms = tuple(each * number for number in range(1, len(words) + 1))
    return Speech(words, ends_ms, speaking_ms(text, words_per_minute))


@lru_cache(maxsize=256)
def _ssml_speech(ssml: str, words_per_minute: int) -> Speech:
    reader = _Reader(_MS_PER_MINUTE / words_per_minute)
    # ElementTree rejects undeclared namespace prefixes. Entities cannot expand: the model rejects
    # a document type.
    parser = expat.ParserCreate()
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.say
    parser.Parse(ssml, True)  # noqa: FBT003 - expat takes its end mark by position only
    return Speech(tuple(reader.words), tuple(reader.ends_ms), round(reader.at_ms))


@dataclass
class _Reader:
    """Adds up the times of words and pauses in SSML."""

    word_ms: float
    at_ms: float = 0.0
    words: list[str] = field(default_factory=list[str])
    ends_ms: list[float] = field(default_factory=list[float])
    rates: list[float] = field(default_factory=lambda: [1.0])
    in_word: bool = False

    def start(self, name: str, attributes: dict[str, str]) -> None:
        rate = self.rates[-1]
        if name == "prosody" and "rate" in attributes:
            rate = _rate(attributes["rate"].strip(), rate)
        self.rates.append(rate)
        if name == "break":
            self.at_ms += _break_ms(attributes)
        self.in_word = self.in_word and name not in _PARTING

    def end(self, name: str) -> None:
        self.rates.pop()
        self.in_word = self.in_word and name not in _PARTING

    def say(self, text: str) -> None:
        words = text.split()
        if words and self.in_word and not text[0].isspace():
            # Markup inside a word does not add time.
            self.words[-1] += words.pop(0)
        for word in words:
            self.at_ms += self.word_ms / self.rates[-1]
            self.words.append(word)
            self.ends_ms.append(self.at_ms)
        self.in_word = not text[-1].isspace()


def _break_ms(attributes: dict[str, str]) -> float:
    found = _TIME.fullmatch(attributes.get("time", "").strip())
    if found:
        return min(_MAX_BREAK_MS, float(found[1]) * (1000 if found[2] == "s" else 1))
    return _BREAKS_MS.get(attributes.get("strength", "medium"), _BREAKS_MS["medium"])


def _rate(value: str, current: float) -> float:
    """Return a rate as a factor: a name, `80%` or `0.8` of normal; `+20%` of the current rate."""
    if value in _RATES:
        return _RATES[value]
    found = _NUMBER.fullmatch(value)
    if not found:
        return current
    sign, digits, percent = found.groups()
    number = float(digits) / (100 if percent else 1)
    if sign:
        number = current * (1 + number if sign == "+" else 1 - number)
    return min(_FASTEST, max(_SLOWEST, number))
