"""Greet the caller, also when the call returns from a failed transfer."""

from aiflow import Call, Reply, SessionStart, entrypoint


def handle(event: SessionStart, call: Call) -> Reply:
    """Welcome the caller and wait eight seconds for an answer."""
    greeting = (
        "I could not reach them. What else can I do for you?"
        if call.transfer_failed
        else "Welcome! Tell me what you need, or press 1 for our opening hours."
    )
    return call.speak(greeting, user_input_timeout_seconds=8)


lambda_handler = entrypoint(handle)
