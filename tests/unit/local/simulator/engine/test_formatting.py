"""Descriptions of actions in transcripts."""

from typing import Any

import pytest

from aiflow_local.simulator.engine.formatting import describe_action
from tests.unit.local.simulator.fake_bots import HALF_A_SECOND


@pytest.mark.parametrize(
    ("action", "description"),
    [
        ({"type": "speak", "text": "Hello"}, "Hello"),
        ({"type": "speak", "ssml": "<speak>One <b>two</b></speak>"}, "One two"),
        ({"type": "audio", "audio": HALF_A_SECOND}, "[plays a sound of 0.5 s]"),
        ({"type": "mix_audio", "stop": True}, "[stops the background sound]"),
        (
            {"type": "mix_audio", "audio": HALF_A_SECOND},
            "[plays a sound of 0.5 s in the background, volume 0.5]",
        ),
        (
            {"type": "mix_audio", "audio": HALF_A_SECOND, "volume": 0.2},
            "[plays a sound of 0.5 s in the background, volume 0.2]",
        ),
        ({"type": "hangup"}, "[hangs up]"),
        ({"type": "barge_in"}, "[stops speaking]"),
        (
            {"type": "transfer", "target_phone_number": "493023125099", "timeout": 30},
            "[transfers the call to 493023125099, waiting 30 s]",
        ),
        (
            {"type": "transfer", "target_phone_number": "493023125099"},
            "[transfers the call to 493023125099]",
        ),
        (
            {
                "type": "configure_transcription",
                "languages": ["de-DE", "en-US"],
                "provider": "AZURE",
            },
            "[listens with languages de-DE en-US, provider AZURE]",
        ),
        ({"type": "configure_transcription"}, "[listens with nothing changed]"),
        ({"type": "configure_voice_to_voice"}, "[hands over to a speech-to-speech model]"),
        (
            {"type": "send_sms", "phone_number": "493023125042", "message": "Hi"},
            "[texts 493023125042: Hi]",
        ),
    ],
)
def test_an_action_is_described_in_words(action: dict[str, Any], description: str) -> None:
    assert describe_action({"session_id": "s", **action}) == description
