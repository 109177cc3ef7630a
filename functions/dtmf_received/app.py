"""A menu with keys."""

from pathlib import Path

from aiflow import Call, DtmfReceived, Reply, entrypoint, load_audio

CHIME = load_audio(Path(__file__).with_name("chime.wav"))


def handle(event: DtmfReceived, call: Call) -> Reply:  # noqa: PLR0911 - one case per key
    """Answer a key; `barge_in` stops the current speech, which a key alone does not."""
    match event.digit:
        case "1":
            return [
                call.barge_in(),
                call.speak("We are open from nine to five.", user_input_timeout_seconds=8),
            ]
        case "2":
            more = call.speak("That was our chime. What else?", user_input_timeout_seconds=8)
            return [call.barge_in(), call.audio(CHIME).then(more)]
        case "3":
            return call.mix_audio(CHIME, volume=0.2)
        case "4":
            return call.mix_audio(stop=True)
        case "9":
            return call.configure_voice_to_voice("You are a friendly receptionist.", language="en")
        case "0":
            return [call.barge_in(), call.speak("Goodbye.").then(call.hangup())]
        case _:
            return None


lambda_handler = entrypoint(handle)
