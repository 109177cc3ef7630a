"""The agent started to speak. Some voices never report it, so do not depend on it."""

from aiflow import AssistantSpeak, Call, Reply, entrypoint


def handle(event: AssistantSpeak, call: Call) -> Reply:
    """Stay silent."""
    return None


lambda_handler = entrypoint(handle)
