"""What events and actions are, in words: who says or does what."""

from collections.abc import Callable, Mapping
from typing import cast

from aiflow.errors import AudioError, SsmlError
from aiflow.protocol.audio import decode_audio
from aiflow.protocol.ssml import spoken_text
from aiflow.protocol.types import JsonObject

type Said = tuple[str, str]
"""Who, and what."""

CALLER, AGENT, SERVICE = "caller", "agent", "service"


def of_event(event: JsonObject) -> Said | None:
    """Return what an event is to a listener; None when there is nothing to hear."""
    match event:
        case {"type": "user_speak" | "user_barge_in"}:
            words = event.get("text", event.get("transcript", ""))
            return CALLER, f"{words} (interrupting)" if event.get("barged_in") else f"{words}"
        case {"type": "dtmf_received"}:
            return CALLER, f"[presses {event.get('digit')}]"
        case {"type": "user_input_timeout"}:
            return CALLER, "[is silent]"
        case {"type": "sms_failed"}:
            return SERVICE, f"[the text message failed: {event.get('reason', 'no reason given')}]"
        case _:
            return None


def of_action(action: JsonObject) -> Said:
    """Return what an action is to a listener; of an odd one, no more than its type."""
    describe = _ACTIONS.get(str(action.get("type")))
    return AGENT, describe(action) if describe else f"[{action.get('type')}]"


def _speak(action: JsonObject) -> str:
    if "text" in action:
        return str(action["text"])
    try:
        return spoken_text(str(action.get("ssml")))
    except SsmlError:
        return "[speaks what is no SSML]"


def _audio(action: JsonObject) -> str:
    return f"[plays {_sound(action)}]"


def _mix_audio(action: JsonObject) -> str:
    if action.get("stop"):
        return "[stops the background sound]"
    return f"[plays {_sound(action)} in the background, volume {action.get('volume', 0.5)}]"


def _sound(action: JsonObject) -> str:
    try:
        wav = decode_audio(str(action.get("audio")))
    except AudioError:
        return "what is no sound"
    return f"a sound of {wav.duration_ms / 1000:.1f} s"


def _transfer(action: JsonObject) -> str:
    wait = f", waiting {action['timeout']} s" if "timeout" in action else ""
    return f"[transfers the call to {action.get('target_phone_number')}{wait}]"


def _transcription(action: JsonObject) -> str:
    options = {name: value for name, value in action.items() if name not in {"type", "session_id"}}
    return f"[listens with {_list(options)}]"


def _sms(action: JsonObject) -> str:
    return f"[texts {action.get('phone_number')}: {action.get('message')}]"


def _list(options: Mapping[str, object]) -> str:
    words = (
        f"{name} {' '.join(map(str, cast('list[object]', value)))}"
        if isinstance(value, list)
        else f"{name} {value}"
        for name, value in options.items()
    )
    return ", ".join(words) or "nothing changed"


_ACTIONS: Mapping[str, Callable[[JsonObject], str]] = {
    "speak": _speak,
    "audio": _audio,
    "mix_audio": _mix_audio,
    "hangup": lambda _: "[hangs up]",
    "transfer": _transfer,
    "barge_in": lambda _: "[stops speaking]",
    "configure_transcription": _transcription,
    "configure_voice_to_voice": lambda _: "[hands over to a speech-to-speech model]",
    "send_sms": _sms,
}
