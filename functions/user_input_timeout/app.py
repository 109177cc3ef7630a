"""Ask a silent caller twice, then say goodbye."""

from aiflow import Call, Reply, UserInputTimeout, entrypoint

PATIENCE = 3


def handle(event: UserInputTimeout, call: Call) -> Reply:
    """Count consecutive timeouts; hang up after the third."""
    silences = call.state.get("silences", 0) + 1
    call.state["silences"] = silences
    if silences >= PATIENCE:
        return call.speak("I cannot hear you. Goodbye.").then(call.hangup())
    return call.speak("Are you still there?", user_input_timeout_seconds=8)


lambda_handler = entrypoint(handle)
