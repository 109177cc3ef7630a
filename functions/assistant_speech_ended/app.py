"""The agent's words have been heard; what `.then(...)` made wait for that is sent already."""

from aiflow import AssistantSpeechEnded, Call, Reply, entrypoint


def handle(event: AssistantSpeechEnded, call: Call) -> Reply:
    """Stay silent: it is the caller's turn."""
    return None


lambda_handler = entrypoint(handle)
