"""The WebSocket itself: it is connected, disconnected, or brings what no other function takes."""

from aiflow import Call, Reply, UnknownEvent, entrypoint


def handle(event: UnknownEvent, call: Call) -> Reply:
    """Stay silent: an event of a type that is newer than this code is no error."""
    return None


lambda_handler = entrypoint(handle)
