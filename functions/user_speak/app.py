"""Answer what the caller said."""

from aiflow import AzureTts, Call, Reply, UserSpeak, entrypoint

GERMAN = ("Gerne. Was kann ich für Sie tun?", AzureTts(language="de-DE"))
ENGLISH = ("Of course. What can I do for you?", AzureTts(language="en-US"))
LANGUAGES = {"german": GERMAN, "deutsch": GERMAN, "english": ENGLISH, "englisch": ENGLISH}


def handle(event: UserSpeak, call: Call) -> Reply:
    """Match one of five requests, or repeat the text."""
    words = event.text.lower()
    if not words.strip():
        return None
    call.state["silences"] = 0
    call.state["turns"] = call.state.get("turns", 0) + 1
    if "goodbye" in words:
        return call.speak("Goodbye, and thank you for calling.").then(call.hangup())
    if "person" in words or "human" in words:
        return _transfer(call)
    if "summary" in words:
        return _send_summary(call)
    for name in LANGUAGES:
        if name in words:
            return _switch_language(call, name)
    return call.speak(f"You said: {event.text}", user_input_timeout_seconds=8)


def _switch_language(call: Call, name: str) -> Reply:
    sentence, voice = LANGUAGES[name]
    return [
        call.configure_transcription(languages=[str(voice.language)]),
        call.speak(sentence, tts=voice, user_input_timeout_seconds=8),
    ]


def _transfer(call: Call) -> Reply:
    number = call.config.get("transfer_number")
    if not number:
        return "I am sorry, nobody is here to take your call."
    caller = call.session.from_phone_number or number
    transfer = call.transfer(number, caller_id_name="AI Flow", caller_id_number=caller, timeout=30)
    return call.speak("One moment, I am connecting you.").then(transfer)


def _send_summary(call: Call) -> Reply:
    number = call.session.from_phone_number
    if not number:
        return "I cannot see your number, so I cannot text you."
    sms = call.send_sms(number, f"We talked for {call.state['turns']} turns.")
    if not call.allows(sms):
        return "I am sorry, I cannot text you at this number."
    return [sms, call.speak("I am sending you a summary.", user_input_timeout_seconds=8)]


lambda_handler = entrypoint(handle)
