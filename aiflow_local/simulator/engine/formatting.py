"""Things in words: one line each, fit for a terminal, never the base64 of a sound."""

from collections.abc import Mapping
from typing import Any

from aiflow.protocol.constraints import is_array, is_object
from aiflow.protocol.ssml import spoken_text
from aiflow_local.printable import printable
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
    """Return an action, as it is on the wire: what is said, and every other member."""
    name = str(action["type"])
    members = {key: value for key, value in action.items() if key not in _ENVELOPE}
    if name == "speak":
        name = f"speak {quote(spoken_words(action))}"
        members.pop("text", None)
        name += " as SSML" if members.pop("ssml", None) is not None else ""
    return f"{name} {format_members(members)}".rstrip()


def describe_action(action: Mapping[str, Any]) -> str:
    """Return what a caller notices of a valid action: words, or what the agent does in brackets."""
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
    """Return what a `speak` says, without markup, on one line; nothing for any other action."""
    if action["type"] != "speak":
        return ""
    words = action["text"] if "text" in action else spoken_text(action["ssml"])
    return " ".join(str(words).split())


def format_event(event: Mapping[str, Any]) -> str:
    """Return an event: its name and what is special about it."""
    name = str(event["type"])
    if name == "assistant_speak":
        # What is said has just been told.
        return name
    members = {key: value for key, value in event.items() if key not in _ENVELOPE}
    if isinstance(members.get("text"), str):
        name = f"{name} {quote(members.pop('text'))}"
    return f"{name} {format_members(members)}".rstrip()


def format_members(members: Mapping[Any, Any]) -> str:
    """Return members as `name=value`."""
    return " ".join(f"{name}={_value(name, value)}" for name, value in members.items())


def seconds(ms: float) -> str:
    """Return a length of time."""
    return f"{ms / 1000:.1f} s"


def quote(text: str) -> str:
    """Return a text in quotes, on one line."""
    return f'"{printable_line(text)}"'


def shorten(value: object) -> str:
    """Return any value, as much of it as helps to tell it from others."""
    text = quote(value) if isinstance(value, str) else printable_line(str(value))
    return text if len(text) <= MAX_SHORT_LENGTH else f"{text[: MAX_SHORT_LENGTH - 4]} ..."


def printable_line(text: str) -> str:
    """Return text on one line, without what would move a cursor, and not without end."""
    if len(text) > _MAX_TEXT_LENGTH:
        text = f"{text[:_MAX_TEXT_LENGTH]} ..."
    if text.isprintable():
        return text
    folded = " ".join(text.split())
    return printable(folded)


def _audio(audio: str) -> str:
    return f"a sound of {seconds(audio_ms(audio))}"


def _settings(action: Mapping[str, Any]) -> str:
    settings = (
        f"{name} {' '.join(map(str, value)) if is_array(value) else value}"
        for name, value in action.items()
        if name not in _ENVELOPE
    )
    return ", ".join(settings) or "nothing changed"


def _value(name: object, value: object) -> str:
    if name == "audio" and isinstance(value, str):
        return f"<sound of {seconds(audio_ms(value))}>"
    if is_object(value):
        return "{" + format_members(value) + "}"
    if is_array(value):
        return f"[{', '.join(_value('', item) for item in value)}]"
    if isinstance(value, bool):
        return str(value).lower()
    return quote(value) if isinstance(value, str) else printable_line(str(value))
