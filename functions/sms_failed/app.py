"""Tell the caller that the text message did not go out."""

from aiflow import Call, Reply, SmsFailed, entrypoint


def handle(event: SmsFailed, call: Call) -> Reply:
    """Apologise, and wait for what the caller wants instead."""
    return call.speak("I am sorry, I could not send the message.", user_input_timeout_seconds=8)


lambda_handler = entrypoint(handle)
