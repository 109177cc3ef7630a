"""How long things take to say, and how much of them was heard."""

import re
from xml.etree import ElementTree as ET

from aiflow import Audio, Speak
from aiflow.protocol.audio import decode_audio
from aiflow.protocol.ssml import spoken_text

_MS_PER_MINUTE = 60_000
_BREAKS_MS = {"none": 0, "x-weak": 125, "weak": 250, "medium": 500, "strong": 750, "x-strong": 1000}
_RATES = {"x-slow": 0.5, "slow": 0.75, "medium": 1.0, "default": 1.0, "fast": 1.25, "x-fast": 1.75}
_TIME = re.compile(r"\+?([0-9]*\.?[0-9]+)(ms|s)", re.ASCII)
_NUMBER = re.compile(r"([+-]?)([0-9]*\.?[0-9]+)(%?)", re.ASCII)
_SLOWEST = 0.1


def words_of(action: Speak) -> str:
    """Return what a `speak` says, without its markup."""
    return action.text if action.text is not None else spoken_text(action.ssml or "")


def talk_ms(words: str, words_per_minute: int) -> int:
    """Return how long it takes to say some words."""
    return len(words.split()) * _MS_PER_MINUTE // words_per_minute


def playback_ms(action: Speak | Audio, words_per_minute: int) -> int:
    """Return how long a playback lasts: by its words, pauses and rate, or by its samples."""
    if isinstance(action, Audio):
        return decode_audio(action.audio).duration_ms
    if action.ssml is None:
        return talk_ms(action.text or "", words_per_minute)
    # The model has refused a document type, and with it every entity: nothing here can expand.
    root = ET.fromstring(action.ssml)  # noqa: S314
    return round(_element_ms(root, 1.0, words_per_minute))


def heard_part(words: str, part: float) -> str:
    """Return the words that were heard when only so much of the time was played."""
    everything = words.split()
    return " ".join(everything[: round(len(everything) * min(1.0, max(0.0, part)))])


def _element_ms(element: ET.Element, rate: float, words_per_minute: int) -> float:
    name = element.tag.rsplit("}", 1)[-1]
    if name == "break":
        return _break_ms(element)
    if name == "prosody":
        rate *= _rate(element.get("rate", "default"))
    own = talk_ms(element.text or "", words_per_minute) / rate
    for child in element:
        own += _element_ms(child, rate, words_per_minute)
        # What follows a child belongs to us, and is said at our rate.
        own += talk_ms(child.tail or "", words_per_minute) / rate
    return own


def _break_ms(element: ET.Element) -> float:
    found = _TIME.fullmatch(element.get("time", "").strip())
    if found:
        return float(found[1]) * (1000 if found[2] == "s" else 1)
    return _BREAKS_MS.get(element.get("strength", "medium"), _BREAKS_MS["medium"])


def _rate(value: str) -> float:
    """Return a rate as a factor: a word, `80%`, `+20%`, or `1.2`."""
    if value in _RATES:
        return _RATES[value]
    found = _NUMBER.fullmatch(value.strip())
    if not found:
        return 1.0
    number = float(found[2]) / (100 if found[3] else 1)
    if found[1]:
        number = 1 + number if found[1] == "+" else 1 - number
    return max(_SLOWEST, number)
