"""The front door: AI Flow has one URL, and one warm container answers a whole call."""

import assistant_speak.app
import assistant_speech_ended.app
import dtmf_received.app
import session_end.app
import session_start.app
import sms_failed.app
import user_input_timeout.app
import user_speak.app
import user_speech_started.app
from aiflow import (
    AssistantSpeak,
    AssistantSpeechEnded,
    Call,
    DtmfReceived,
    Event,
    Reply,
    SessionEnd,
    SessionStart,
    SmsFailed,
    UserInputTimeout,
    UserSpeak,
    UserSpeechStarted,
    entrypoint,
)


def handle(event: Event, call: Call) -> Reply:  # noqa: C901, PLR0911 - a case for each type
    """Hand the event to the function of its type."""
    match event:
        case SessionStart():
            return session_start.app.handle(event, call)
        case UserSpeak():
            return user_speak.app.handle(event, call)
        case DtmfReceived():
            return dtmf_received.app.handle(event, call)
        case UserInputTimeout():
            return user_input_timeout.app.handle(event, call)
        case AssistantSpeechEnded():
            return assistant_speech_ended.app.handle(event, call)
        case AssistantSpeak():
            return assistant_speak.app.handle(event, call)
        case UserSpeechStarted():
            return user_speech_started.app.handle(event, call)
        case SmsFailed():
            return sms_failed.app.handle(event, call)
        case SessionEnd():
            return session_end.app.handle(event, call)


lambda_handler = entrypoint(handle)
