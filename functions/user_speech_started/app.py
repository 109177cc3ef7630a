"""The caller began to speak (WebSocket only). An answer would be ignored."""

from aiflow import Call, Reply, UserSpeechStarted, entrypoint


def handle(event: UserSpeechStarted, call: Call) -> Reply:
    """Stay silent."""
    return None


lambda_handler = entrypoint(handle)
