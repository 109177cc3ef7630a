"""The Lambda handler of the webhook: one warm container answers every event of a call."""

from aiflow.call import Call, Reply
from aiflow.entrypoints.event import entrypoint
from aiflow.entrypoints.handler_loader import load_handler
from aiflow.protocol.events import EVENT_TYPES, Event

# Loaded at start-up, so that a missing handler fails there and not during a call.
_HANDLERS = {event_type: load_handler(event_type) for event_type in EVENT_TYPES}


def handle(event: Event, call: Call) -> Reply:
    """Call the handler of the event's type."""
    return _HANDLERS[event.type](event, call)


lambda_handler = entrypoint(handle)
