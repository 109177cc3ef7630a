"""Formats actions, events and values as one line that is safe for a terminal."""

from collections.abc import Mapping
from typing import Any

from aiflow.protocol.constraints import is_array, is_object
from aiflow.protocol.ssml import spoken_text
from aiflow_local.output import printable
from aiflow_local.simulator.engine.speech_timing import audio_ms

MAX_SHORT_LENGTH = 60
_MAX_TEXT_LENGTH = 2000
_ENVELOPE = frozenset({"type", "session_id", "session"})
_EFFECTS: Mapping[str, str] = {
    "mix_audio": "stops the background sound",
    "hangup": "hangs up",
    "barge_in": "stops speaking",
    "configure_voice_to_voice": "hands over to a speech-to-speech model",
}


def format_action(action: Mapping[str, Any]) -> str:
    """Return an action in wire notation: its type, spoken words and other members."""
    name = str(action["type"])
    members = {key: value for key, value in action.items() if key not in _ENVELOPE}
    if name == "speak":
        name = f"speak {quote(spoken_words(action))}"
        members.pop("text", None)
        name += " as SSML" if members.pop("ssml", None) is not None else ""
    return f"{name} {format_members(members)}".rstrip()


def describe_action(action: Mapping[str, Any]) -> str:
    """Return an action as the caller notices it: spoken words, or an effect in brackets."""
    match dict(action):
        case {"type": "speak"}:
            return spoken_words(action)
        case {"type": "audio", "audio": str(audio)}:
            effect = f"plays {_audio(audio)}"
        case {"type": "mix_audio", "audio": str(audio), **members}:
            volume = members.get("volume", 0.5)
            effect = f"plays {_audio(audio)} in the background, volume {volume}"
        case {"type": "transfer", "target_phone_number": number, **members}:
            wait = f", waiting {members['timeout']} s" if "timeout" in members else ""
            effect = f"transfers the call to {number}{wait}"
        case {"type": "configure_transcription", **members}:
            effect = f"listens with {_settings(members)}"
        case {"type": "send_sms", "phone_number": number, "message": message}:
            effect = f"texts {number}: {message}"
        case _:
            effect = _EFFECTS.get(action["type"], action["type"])
    return f"[{effect}]"


def spoken_words(action: Mapping[str, Any]) -> str:
    """Return the words of a `speak` without markup; an empty text for other actions."""
    if action["type"] != "speak":
        return ""
    words = action["text"] if "text" in action else spoken_text(action["ssml"])
    return " ".join(str(words).split())


def format_event(event: Mapping[str, Any]) -> str:
    """Return an event in wire notation, without its session."""
    name = str(event["type"])
    if name == "assistant_speak":
        # The transcript shows the `speak` just before.
        return name
    members = {key: value for key, value in event.items() if key not in _ENVELOPE}
    if isinstance(members.get("text"), str):
        name = f"{name} {quote(members.pop('text'))}"
    return f"{name} {format_members(members)}".rstrip()


def format_members(members: Mapping[Any, Any]) -> str:
    """Return members as `name=value`."""
    return " ".join(f"{name}={_value(name, value)}" for name, value in members.items())


def format_seconds(ms: float) -> str:
    """Return milliseconds as seconds with a unit."""
    return f"{ms / 1000:.1f} s"


def quote(text: str) -> str:
    """Return text in quotes, on one line."""
    return f'"{printable_line(text)}"'


def shorten(value: object) -> str:
    """Return a value as text of limited length."""
    text = quote(value) if isinstance(value, str) else printable_line(str(value))
    return text if len(text) <= MAX_SHORT_LENGTH else f"{text[: MAX_SHORT_LENGTH - 4]} ..."


def printable_line(text: str) -> str:
    """Return text on one line, without control characters and of limited length."""
    if len(text) > _MAX_TEXT_LENGTH:
        text = f"{text[:_MAX_TEXT_LENGTH]} ..."
    if text.isprintable():
        return text
    folded = " ".join(text.split())
    return printable(folded)


def _audio(audio: str) -> str:
    return f"a sound of {format_seconds(audio_ms(audio))}"


def _settings(action: Mapping[str, Any]) -> str:
    settings = (
        f"{name} {' '.join(map(str, value)) if is_array(value) else value}"
        for name, value in action.items()
        if name not in _ENVELOPE
    )
    return ", ".join(settings) or "nothing changed"


def _value(name: object, value: object) -> str:
    if name == "audio" and isinstance(value, str):
        return f"<sound of {format_seconds(audio_ms(value))}>"
    if is_object(value):
        return "{" + format_members(value) + "}"
    if is_array(value):
        return f"[{', '.join(_value('', item) for item in value)}]"
    if isinstance(value, bool):
        return str(value).lower()
    return quote(value) if isinstance(value, str) else printable_line(str(value))
