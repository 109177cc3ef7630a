"""Which function a message goes to: the rules of a WebSocket API."""

import json
from collections.abc import Mapping, Sequence

from aiflow.protocol.types import JsonValue
from aiflow_local.stack.websocket_api import CONNECT, DEFAULT, DISCONNECT


def route_key(text: str, selection: Sequence[str], routes: Mapping[str, object]) -> str | None:
    """Return the key of the route that a message takes; None when there is none for it.

    Args:
        text: the message; what is not JSON takes the default route.
        selection: the members of the message that lead to the key.
        routes: by their keys.
    """
    key = _key(text, selection)
    # What the gateway itself says cannot be said by a message.
    if key in routes and key not in {CONNECT, DISCONNECT}:
        return key
    return DEFAULT if DEFAULT in routes else None


def _key(text: str, selection: Sequence[str]) -> str:
    try:
        found = _found(json.loads(text), selection)
    except (ValueError, RecursionError):
        return DEFAULT
    return found if isinstance(found, str) else DEFAULT


def _found(message: JsonValue, selection: Sequence[str]) -> JsonValue:
    for member in selection:
        message = message.get(member) if isinstance(message, dict) else None
    return message
