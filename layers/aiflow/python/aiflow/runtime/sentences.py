"""What the agent says of its own accord: fixed sentences, made of settings and nothing else."""

from aiflow.protocol.actions import Speak
from aiflow.runtime.settings import Settings


def apology(session_id: str, settings: Settings) -> Speak:
    """Something failed: ask the caller to say it again."""
    return _asking(session_id, settings.apology, settings)


def refusal(session_id: str, settings: Settings) -> Speak:
    """What was to be done may not be done."""
    return _asking(session_id, settings.refusal, settings)


def _asking(session_id: str, text: str, settings: Settings) -> Speak:
    return Speak(
        session_id=session_id,
        text=text,
        user_input_timeout_seconds=settings.input_timeout_seconds,
    )
