"""Samples of valid and invalid events and actions as JSON."""

from typing import Any

from tests.helpers.wav import as_base64, wav

type Json = dict[str, Any]

SESSION: Json = {
    "id": "6b4f0e7e-1d2c-4f0a-9c55-0c9e1a2b3c4d",
    "account_id": "account-123",
    "phone_number": "493023125001",
    "direction": "inbound",
    "from_phone_number": "+12025550123",
    "to_phone_number": "493023125001",
}

EVENTS: dict[str, Json] = {
    "session_start": {},
    "user_speech_started": {},
    "user_speak": {"text": "Hello", "barged_in": True},
    "dtmf_received": {"digit": "*"},
    "assistant_speak": {
        "text": "Hello",
        "ssml": "<speak>Hello</speak>",
        "duration_ms": 1200,
        "speech_started_at": 1234567890,
    },
    "assistant_speech_ended": {},
    "user_input_timeout": {},
    "session_end": {},
    "sms_failed": {"reason": "unreachable"},
}
"""All event types with their own members."""

AUDIO = as_base64(wav())

LEAST: dict[str, Json] = {
    "speak": {"text": "Hello"},
    "audio": {"audio": AUDIO},
    "mix_audio": {"audio": AUDIO},
    "hangup": {},
    "transfer": {
        "target_phone_number": "493023125002",
        "caller_id_name": "Support",
        "caller_id_number": "493023125001",
    },
    "barge_in": {},
    "configure_transcription": {},
    "configure_voice_to_voice": {"system_prompt": "You are kind."},
    "send_sms": {"phone_number": "12025550123", "message": "Hello"},
}
"""All action types with their required members."""

_BARGE_IN: Json = {
    "strategy": "minimum_characters",
    "minimum_characters": 1,
    "allow_after_ms": 10_000,
}

MORE: list[tuple[str, Json]] = [
    ("speak", {"tts": {"provider": "azure"}}),
    ("speak", {"tts": {"provider": "azure", "language": "de-DE", "voice": "de-DE-KatjaNeural"}}),
    ("speak", {"tts": {"provider": "eleven_labs"}}),
    ("speak", {"tts": {"provider": "eleven_labs", "voice": "21m00Tcm4TlvDq8ikWAM"}}),
    ("speak", {"tts": {"provider": "eleven_labs", "voice": {"id": "21m00Tcm4TlvDq8ikWAM"}}}),
    ("speak", {"tts": {"provider": "eleven_labs", "voice": {"name": "Rachel"}}}),
    ("speak", {"barge_in": {}}),
    ("speak", {"barge_in": _BARGE_IN}),
    ("speak", {"barge_in": {"strategy": "none"}}),
    ("speak", {"barge_in": {"strategy": "manual", "allow_after_ms": 0}}),
    ("speak", {"barge_in": {"strategy": "immediate"}}),
    ("speak", {"barge_in": {"minimum_characters": 100}}),
    ("speak", {"user_input_timeout_seconds": 0}),
    ("speak", {"user_input_timeout_seconds": 7.5}),
    ("speak", {"vad": {"end_of_turn_silence_ms": 150}}),
    ("speak", {"vad": {"end_of_turn_silence_ms": 2000}}),
    ("audio", {"barge_in": _BARGE_IN}),
    ("mix_audio", {"volume": 0}),
    ("mix_audio", {"volume": 1.0, "stop": False}),
    ("mix_audio", {"stop": True}),
    ("transfer", {"timeout": 5}),
    ("transfer", {"timeout": 120}),
    ("transfer", {"timeout": 30.0}),
    ("transfer", {"target_phone_number": "+493023125002", "caller_id_number": "+12025550123"}),
    ("configure_transcription", {"provider": "AZURE"}),
    ("configure_transcription", {"provider": "DEEPGRAM"}),
    ("configure_transcription", {"provider": "ELEVEN_LABS", "languages": ["de"]}),
    ("configure_transcription", {"languages": ["de-DE", "en-US", "zh-Hans-CN", "es-419"]}),
    ("configure_transcription", {"custom_vocabulary": []}),
    ("configure_transcription", {"custom_vocabulary": ["x" * 200] * 100}),
    ("configure_transcription", {"vad": {"end_of_turn_silence_ms": 800}}),
    ("configure_voice_to_voice", {"temperature": 0}),
    ("configure_voice_to_voice", {"temperature": 2, "greeting": "Hello", "language": "de"}),
    ("send_sms", {"phone_number": "+12025550123"}),
]
"""Optional members of each action type, at the limits of their ranges."""

BAD: list[tuple[str, Json, str, str]] = [
    ("speak", {"session_id": ""}, "/session_id", "1 to 256 characters"),
    ("speak", {"session_id": "x" * 257}, "/session_id", "1 to 256 characters"),
    ("speak", {"session_id": "a\u0085b"}, "/session_id", "1 to 256 characters"),
    ("speak", {"session_id": 123}, "/session_id", "1 to 256 characters"),
    ("speak", {"text": ""}, "/text", "not blank"),
    ("speak", {"text": " \n\t"}, "/text", "not blank"),
    ("speak", {"text": 5}, "/text", "must be a text"),
    ("speak", {"ssml": "<speak>Hello</speak>"}, "", "exactly one of text and ssml"),
    ("speak", {"user_input_timeout_seconds": -1}, "/user_input_timeout_seconds", "at least 0"),
    ("speak", {"user_input_timeout_seconds": "8"}, "/user_input_timeout_seconds", "at least 0"),
    ("speak", {"user_input_timeout_seconds": True}, "/user_input_timeout_seconds", "at least 0"),
    ("speak", {"tts": "azure"}, "/tts", "a provider: azure or eleven_labs"),
    ("speak", {"tts": {}}, "/tts", "a provider: azure or eleven_labs"),
    ("speak", {"tts": {"provider": "AZURE"}}, "/tts", "a provider: azure or eleven_labs"),
    ("speak", {"tts": {"provider": ["azure"]}}, "/tts", "a provider: azure or eleven_labs"),
    ("speak", {"tts": {"provider": "azure", "language": "de_DE"}}, "/tts/language", "BCP-47"),
    ("speak", {"tts": {"provider": "azure", "voice": ""}}, "/tts/voice", "not blank"),
    ("speak", {"tts": {"provider": "azure", "speed": 2}}, "/tts/speed", "not a member"),
    ("speak", {"tts": {"provider": "eleven_labs", "voice": 5}}, "/tts/voice", "must be a text"),
    ("speak", {"tts": {"provider": "eleven_labs", "voice": {}}}, "/tts/voice", "id or a name"),
    (
        "speak",
        {"tts": {"provider": "eleven_labs", "voice": {"id": ""}}},
        "/tts/voice/id",
        "not blank",
    ),
    (
        "speak",
        {"tts": {"provider": "eleven_labs", "voice": {"id": "x", "speed": 2}}},
        "/tts/voice/speed",
        "not a member",
    ),
    ("speak", {"barge_in": []}, "/barge_in", "must be an object"),
    ("speak", {"barge_in": {"strategy": "interrupt"}}, "/barge_in/strategy", "'immediate'"),
    (
        "speak",
        {"barge_in": {"minimum_characters": 0}},
        "/barge_in/minimum_characters",
        "a whole number from 1 to 100",
    ),
    (
        "speak",
        {"barge_in": {"minimum_characters": 101}},
        "/barge_in/minimum_characters",
        "a whole number from 1 to 100",
    ),
    (
        "speak",
        {"barge_in": {"minimum_characters": True}},
        "/barge_in/minimum_characters",
        "a whole number from 1 to 100",
    ),
    (
        "speak",
        {"barge_in": {"allow_after_ms": -1}},
        "/barge_in/allow_after_ms",
        "a whole number from 0 to 10000 ms",
    ),
    (
        "audio",
        {"barge_in": {"allow_after_ms": 10_001}},
        "/barge_in/allow_after_ms",
        "a whole number from 0 to 10000 ms",
    ),
    ("speak", {"vad": {}}, "/vad/end_of_turn_silence_ms", "is missing"),
    (
        "speak",
        {"vad": {"end_of_turn_silence_ms": 149}},
        "/vad/end_of_turn_silence_ms",
        "a whole number from 150 to 2000 ms",
    ),
    (
        "configure_transcription",
        {"vad": {"end_of_turn_silence_ms": 2001}},
        "/vad/end_of_turn_silence_ms",
        "a whole number from 150 to 2000 ms",
    ),
    (
        "speak",
        {"vad": {"end_of_turn_silence_ms": 800.5}},
        "/vad/end_of_turn_silence_ms",
        "a whole number from 150 to 2000 ms",
    ),
    ("speak", {"end_of_conversation": True}, "/end_of_conversation", "not a member"),
    ("audio", {"audio": ""}, "/audio", "must be a WAV file"),
    ("audio", {"audio": 5}, "/audio", "the base64 of a WAV file"),
    ("audio", {"tts": {"provider": "azure"}}, "/tts", "not a member"),
    ("audio", {"user_input_timeout_seconds": 8}, "/user_input_timeout_seconds", "not a member"),
    ("mix_audio", {"volume": 1.01}, "/volume", "a number from 0 to 1"),
    ("mix_audio", {"volume": -0.01}, "/volume", "a number from 0 to 1"),
    ("mix_audio", {"volume": "loud"}, "/volume", "a number from 0 to 1"),
    ("mix_audio", {"stop": "yes"}, "/stop", "true or false"),
    ("mix_audio", {"stop": 1}, "/stop", "true or false"),
    ("hangup", {"reason": "done"}, "/reason", "not a member"),
    ("transfer", {"timeout": 4}, "/timeout", "a whole number from 5 to 120 seconds"),
    ("transfer", {"timeout": 121}, "/timeout", "a whole number from 5 to 120 seconds"),
    ("transfer", {"timeout": 30.5}, "/timeout", "a whole number from 5 to 120 seconds"),
    ("transfer", {"timeout": "30"}, "/timeout", "a whole number from 5 to 120 seconds"),
    ("transfer", {"timeout": True}, "/timeout", "a whole number from 5 to 120 seconds"),
    ("transfer", {"target_phone_number": "0493023125002"}, "/target_phone_number", "E.164"),
    ("transfer", {"target_phone_number": "00493023125002"}, "/target_phone_number", "E.164"),
    ("transfer", {"target_phone_number": "++493023125002"}, "/target_phone_number", "E.164"),
    ("transfer", {"target_phone_number": "+49 30 23125002"}, "/target_phone_number", "E.164"),
    ("transfer", {"target_phone_number": "٤٩٣٠٢٣١٢٥٠٠٢"}, "/target_phone_number", "E.164"),
    ("transfer", {"target_phone_number": 493023125002}, "/target_phone_number", "E.164"),
    ("transfer", {"caller_id_number": "493023"}, "/caller_id_number", "7 to 15 digits"),
    ("transfer", {"caller_id_number": "4930231250021234"}, "/caller_id_number", "7 to 15 digits"),
    ("transfer", {"caller_id_number": ""}, "/caller_id_number", "7 to 15 digits"),
    ("transfer", {"caller_id_name": ""}, "/caller_id_name", "not blank"),
    ("transfer", {"transfer_to": "493023125002"}, "/transfer_to", "not a member"),
    ("configure_transcription", {"provider": "azure"}, "/provider", "'AZURE', 'DEEPGRAM' or"),
    ("configure_transcription", {"languages": []}, "/languages", "1 to 4 language tags"),
    ("configure_transcription", {"languages": ["de"] * 5}, "/languages", "1 to 4 language tags"),
    ("configure_transcription", {"languages": "de-DE"}, "/languages", "1 to 4 language tags"),
    ("configure_transcription", {"languages": ["de_DE"]}, "/languages/0", "BCP-47"),
    ("configure_transcription", {"languages": ["de", "e"]}, "/languages/1", "BCP-47"),
    (
        "configure_transcription",
        {"custom_vocabulary": ["x"] * 101},
        "/custom_vocabulary",
        "0 to 100 phrases",
    ),
    (
        "configure_transcription",
        {"custom_vocabulary": ["x", "x" * 201]},
        "/custom_vocabulary/1",
        "1 to 200 characters",
    ),
    (
        "configure_transcription",
        {"custom_vocabulary": [" "]},
        "/custom_vocabulary/0",
        "1 to 200 characters",
    ),
    ("configure_voice_to_voice", {"system_prompt": " "}, "/system_prompt", "not blank"),
    ("configure_voice_to_voice", {"temperature": 2.1}, "/temperature", "a number from 0 to 2"),
    ("configure_voice_to_voice", {"temperature": -0.1}, "/temperature", "a number from 0 to 2"),
    ("configure_voice_to_voice", {"language": "german!"}, "/language", "BCP-47"),
    ("send_sms", {"phone_number": "+1 202 555 0123"}, "/phone_number", "E.164"),
    ("send_sms", {"message": ""}, "/message", "not blank"),
    ("send_sms", {"sender": "493023125001"}, "/sender", "not a member"),
]
"""Invalid actions: the type, the changed members, the path of the error, a part of its message."""


def event(event_type: str, **members: object) -> Json:
    """Return a complete event, with changed members."""
    return {"type": event_type, "session": SESSION, **EVENTS.get(event_type, {}), **members}


def action(action_type: str, changes: Json | None = None) -> Json:
    """Return an action with its required members, with changes."""
    return {"type": action_type, "session_id": "123", **LEAST[action_type], **(changes or {})}


GOOD = [*((name, action(name)) for name in LEAST), *((name, action(name, m)) for name, m in MORE)]
"""All valid actions."""
