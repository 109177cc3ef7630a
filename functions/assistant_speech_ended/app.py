"""The agent stopped speaking; actions deferred by `.then(...)` are sent already."""

from aiflow import AssistantSpeechEnded, Call, Reply, entrypoint


def handle(event: AssistantSpeechEnded, call: Call) -> Reply:
    """Stay silent: it is the caller's turn."""
    return None


lambda_handler = entrypoint(handle)
