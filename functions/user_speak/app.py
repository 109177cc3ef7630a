"""Answer what the caller said."""

from aiflow import AzureTts, Call, Reply, UserSpeak, entrypoint

GERMAN = AzureTts(language="de-DE", voice="de-DE-KatjaNeural")


def handle(event: UserSpeak, call: Call) -> Reply:
    """Look for one of five wishes, else repeat what was heard."""
    words = event.text.lower()
    if not words.strip():
        return None
    call.state["silences"] = 0
    call.state["turns"] = call.state.get("turns", 0) + 1
    if "goodbye" in words:
        return call.speak("Goodbye, and thank you for calling.").then(call.hangup())
    if "person" in words or "human" in words:
        return _transfer(call)
    if "german" in words or "deutsch" in words:
        listen = call.configure_transcription(languages=["de-DE", "en-US"])
        return [listen, call.speak("Gerne. Was kann ich für Sie tun?", tts=GERMAN)]
    if "summary" in words:
        return _send_summary(call)
    return call.speak(f"You said: {event.text}", user_input_timeout_seconds=8)


def _transfer(call: Call) -> Reply:
    number = call.config.get("transfer_number")
    if not number:
        return "I am sorry, nobody is here to take your call."
    return call.speak("One moment, I am connecting you.").then(
        call.transfer(
            number,
            caller_id_name="AI Flow",
            caller_id_number=call.session.from_phone_number or number,
            timeout=30,
        )
    )


def _send_summary(call: Call) -> Reply:
    if not call.session.from_phone_number:
        return "I cannot see your number, so I cannot text you."
    sms = call.send_sms(
        call.session.from_phone_number, f"We talked for {call.state['turns']} turns."
    )
    return [sms, call.speak("I am sending you a summary.", user_input_timeout_seconds=8)]


lambda_handler = entrypoint(handle)
