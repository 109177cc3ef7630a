"""Phone agents on sipgate AI Flow, serverless: the public names that handlers use."""

from aiflow.gc_freeze import gc_frozen

with gc_frozen():
    from aiflow.call import Call, Reply
    from aiflow.entrypoints.event import entrypoint
    from aiflow.protocol.actions import (
        Action,
        Audio,
        AzureTts,
        BargeIn,
        BargeInConfig,
        ConfigureTranscription,
        ConfigureVoiceToVoice,
        ElevenLabsTts,
        Hangup,
        MixAudio,
        SendSms,
        Speak,
        Transfer,
        VadConfig,
    )
    from aiflow.protocol.audio import load_audio
    from aiflow.protocol.events import (
        AssistantSpeak,
        AssistantSpeechEnded,
        DtmfReceived,
        Event,
        Session,
        SessionEnd,
        SessionStart,
        SmsFailed,
        UnknownEvent,
        UserInputTimeout,
        UserSpeak,
        UserSpeechStarted,
    )
    from aiflow.sessions.record import Turn

__all__ = [
    "Action",
    "AssistantSpeak",
    "AssistantSpeechEnded",
    "Audio",
    "AzureTts",
    "BargeIn",
    "BargeInConfig",
    "Call",
    "ConfigureTranscription",
    "ConfigureVoiceToVoice",
    "DtmfReceived",
    "ElevenLabsTts",
    "Event",
    "Hangup",
    "MixAudio",
    "Reply",
    "SendSms",
    "Session",
    "SessionEnd",
    "SessionStart",
    "SmsFailed",
    "Speak",
    "Transfer",
    "Turn",
    "UnknownEvent",
    "UserInputTimeout",
    "UserSpeak",
    "UserSpeechStarted",
    "VadConfig",
    "entrypoint",
    "load_audio",
]
