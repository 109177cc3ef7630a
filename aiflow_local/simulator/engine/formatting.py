"""Things in words: one line each, fit for a terminal, never the base64 of a sound."""

from collections.abc import Mapping
from typing import Any

from aiflow.protocol.constraints import is_array, is_object
from aiflow.protocol.ssml import spoken_text
from aiflow_local.output import printable
from aiflow_local.simulator.engine.speech_timing import sound_ms

LONGEST = 60
_FAR_TOO_LONG = 2000
_ENVELOPE = frozenset({"type", "session_id", "session"})


def told_action(action: Mapping[str, Any]) -> str:
    """Return an action, as it is on the wire: what is said, and every other member."""
    name = str(action["type"])
    members = {key: value for key, value in action.items() if key not in _ENVELOPE}
    if name == "speak":
        name = f"speak {quoted(spoken(action))}"
        members.pop("text", None)
        name += " as SSML" if members.pop("ssml", None) is not None else ""
    return f"{name} {told_members(members)}".rstrip()


def spoken(action: Mapping[str, Any]) -> str:
    """Return what a `speak` says, without markup, on one line; nothing for any other action."""
    if action["type"] != "speak":
        return ""
    words = action["text"] if "text" in action else spoken_text(action["ssml"])
    return " ".join(str(words).split())


def told_event(event: Mapping[str, Any]) -> str:
    """Return an event: its name and what is special about it."""
    name = str(event["type"])
    if name == "assistant_speak":
        # What is said has just been told.
        return name
    members = {key: value for key, value in event.items() if key not in _ENVELOPE}
    if isinstance(members.get("text"), str):
        name = f"{name} {quoted(members.pop('text'))}"
    return f"{name} {told_members(members)}".rstrip()


def told_members(members: Mapping[Any, Any]) -> str:
    """Return members as `name=value`."""
    return " ".join(f"{name}={_value(name, value)}" for name, value in members.items())


def seconds(ms: float) -> str:
    """Return a length of time."""
    return f"{ms / 1000:.1f} s"


def quoted(text: str) -> str:
    """Return a text in quotes, on one line."""
    return f'"{visible(text)}"'


def short(value: object) -> str:
    """Return any value, as much of it as helps to tell it from others."""
    text = quoted(value) if isinstance(value, str) else visible(str(value))
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 4]} ..."


def visible(text: str) -> str:
    """Return text on one line, without what would move a cursor, and not without end."""
    if len(text) > _FAR_TOO_LONG:
        text = f"{text[:_FAR_TOO_LONG]} ..."
    if text.isprintable():
        return text
    folded = " ".join(text.split())
    return printable(folded)


def _value(name: object, value: object) -> str:
    if name == "audio" and isinstance(value, str):
        return f"<sound of {seconds(sound_ms(value))}>"
    if is_object(value):
        return "{" + told_members(value) + "}"
    if is_array(value):
        return f"[{', '.join(_value('', item) for item in value)}]"
    if isinstance(value, bool):
        return str(value).lower()
    return quoted(value) if isinstance(value, str) else visible(str(value))
