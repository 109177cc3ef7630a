"""Plays a call with all features and prints everything; run in a process of its own."""

import json
import sys

from aiflow_local.simulator.engine.parties import CallParties
from tests.unit.local.simulator.fake_bots import SECOND, TRANSFER, Bot, Json, Reply, act, call, say


def talk(event: Json) -> Reply:
    """Answer every event."""
    match event:
        case {"type": "session_start"}:
            return [act("mix_audio", audio=SECOND), say("Hello", user_input_timeout_seconds=4)]
        case {"type": "user_speak", "text": "a person"}:
            return [say("One moment"), TRANSFER | {"timeout": 10}]
        case {"type": "user_speak"}:
            message = act("send_sms", phone_number="491713920050", message="Hi")
            ssml = "<speak>You <break/> <prosody rate='slow'>said</prosody> it</speak>"
            return [message, act("speak", ssml=ssml), act("audio", audio=SECOND), {"type": "hm"}]
        case {"type": "dtmf_received"}:
            return [act("barge_in"), act("configure_transcription", languages=["de-DE"])]
        case {"type": "user_input_timeout" | "sms_failed"}:
            return say("Hm", vad={"end_of_turn_silence_ms": 300}, unknown=1, other=2, third=3)
        case _:
            return None


def main() -> None:
    """Print the call as text and as JSON."""
    bot = Bot(talk, reports_speech_started=True)
    phone, _ = call(bot, parties=CallParties(session_id="s"), sms="failed", transfer="busy")
    phone.waits(10)
    phone.says("Something long, that is said to its end")
    phone.interrupts("Stop it please", after_ms=300)
    phone.presses("12#")
    phone.says("a person")
    phone.settle()
    phone.hangs_up()
    json.dump([entry.to_json() for entry in phone.transcript.entries], sys.stdout)
    sys.stdout.write(f"\n{phone.transcript}\n{bot.events}\n")


if __name__ == "__main__":
    main()
