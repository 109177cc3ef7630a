"""What the agent says of its own accord: fixed sentences, made of settings and nothing else."""

from aiflow.protocol.actions import BargeInConfig, Hangup, Speak
from aiflow.settings import Settings


def apology_announcement(session_id: str, settings: Settings) -> Speak:
    """Something failed: ask the caller to say it again."""
    return _asking(session_id, settings.apology_message, settings)


def filler_announcement(session_id: str, settings: Settings) -> Speak:
    """The answer takes a while: somebody is there."""
    return Speak(session_id=session_id, text=settings.filler_message)


def blocked_announcement(session_id: str, settings: Settings) -> Speak:
    """What was to be done may not be done."""
    return _asking(session_id, settings.blocked_message, settings)


def limit_announcement(session_id: str, settings: Settings) -> Speak:
    """The call has had all that it gets: say so, and hang up when it has been heard."""
    speak = Speak(
        session_id=session_id, text=settings.limit_message, barge_in=BargeInConfig(strategy="none")
    )
    return speak.then(Hangup(session_id=session_id))


def failure_announcement(session_id: str, settings: Settings) -> Speak:
    """Nothing works: say so; what then happens is up to whoever says it."""
    return Speak(
        session_id=session_id,
        text=settings.failure_message,
        barge_in=BargeInConfig(strategy="none"),
    )


def _asking(session_id: str, text: str, settings: Settings) -> Speak:
    return Speak(
        session_id=session_id,
        text=text,
        user_input_timeout_seconds=settings.input_timeout_seconds,
    )
