"""Tell the caller that a text message failed."""

from aiflow import Call, Reply, SmsFailed, entrypoint


def handle(event: SmsFailed, call: Call) -> Reply:
    """Apologise, and wait eight seconds for an answer."""
    return call.speak("I am sorry, I could not send the message.", user_input_timeout_seconds=8)


lambda_handler = entrypoint(handle)
