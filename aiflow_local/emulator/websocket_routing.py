"""Selects the route of a message by the rules of a WebSocket API."""

import json
from collections.abc import Mapping, Sequence

from aiflow.protocol.types import JsonValue
from aiflow_local.stack.websocket_api import CONNECT, DEFAULT, DISCONNECT


def select_route_key(
    text: str, selection: Sequence[str], routes: Mapping[str, object]
) -> str | None:
    """Return the route key for a message; None if no route matches.

    Args:
        text: The message; if it is not JSON, the default route is used.
        selection: The path of the message member that holds the route key.
        routes: The routes by key.
    """
    key = _key(text, selection)
    # A message cannot select the routes that are reserved for the gateway.
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
