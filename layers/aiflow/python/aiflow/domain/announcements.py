"""Announcements: the fixed phrases that the framework speaks, as the settings word them."""

from aiflow.protocol.actions import BargeInConfig, Hangup, Speak
from aiflow.settings import Settings


def apology_announcement(session_id: str, settings: Settings) -> Speak:
    """Return the request to repeat, after an answer failed."""
    return _with_input_timeout(session_id, settings.apology_message, settings)


def filler_announcement(session_id: str, settings: Settings) -> Speak:
    """Return the filler that precedes a slow answer."""
    return Speak(session_id=session_id, text=settings.filler_message)


def blocked_announcement(session_id: str, settings: Settings) -> Speak:
    """Return the phrase for an action that was blocked."""
    return _with_input_timeout(session_id, settings.blocked_message, settings)


def limit_announcement(session_id: str, settings: Settings) -> Speak:
    """Return the farewell of a call over its limit; the hang-up follows its playback."""
    return _uninterruptible(session_id, settings.limit_message).then(Hangup(session_id=session_id))


def failure_announcement(session_id: str, settings: Settings) -> Speak:
    """Return the phrase that precedes the end of a call whose answers keep failing."""
    return _uninterruptible(session_id, settings.failure_message)


def _uninterruptible(session_id: str, text: str) -> Speak:
    return Speak(session_id=session_id, text=text, barge_in=BargeInConfig(strategy="none"))


def _with_input_timeout(session_id: str, text: str, settings: Settings) -> Speak:
    return Speak(
        session_id=session_id,
        text=text,
        user_input_timeout_seconds=settings.input_timeout_seconds,
    )
