"""Sample events of all types, for `aiflow event`, `sam local invoke` and tests."""

import json
from collections.abc import Mapping

from aiflow.errors import InvalidEvent
from aiflow.protocol.events import EVENT_TYPES, parse_event
from aiflow.protocol.types import JsonObject, JsonValue
from aiflow_local.emulator.http_event import HttpRequest, HttpRequestContext, http_event
from aiflow_local.emulator.websocket_event import Handshake, WebSocketRequestContext, message_event
from aiflow_local.errors import Unreadable

SAM_LOCAL_TOKEN = "local-token-for-sam-local-only-0123456789"  # noqa: S105 - a public token
"""The public token for `sam local` only; samconfig.toml has its digest."""

# Numbers that the German regulator reserves for films and examples.
CALLER = "491713920042"
AGENT = "493023125001"

SESSION: Mapping[str, str] = {
    "id": "9b2c1e0a-5d47-4f6b-8a3e-0c1d2e3f4a5b",
    "account_id": "account-123",
    "phone_number": AGENT,
    "direction": "inbound",
    "from_phone_number": CALLER,
    "to_phone_number": AGENT,
}
"""A sample session with all six members."""

_SAMPLES: Mapping[str, JsonObject] = {
    "user_speak": {"text": "What are your opening hours?", "barged_in": False},
    "dtmf_received": {"digit": "1"},
    "assistant_speak": {
        "text": "Welcome! Tell me what you need.",
        "duration_ms": 1840,
        "speech_started_at": 1767261600000,
    },
    "sms_failed": {"reason": "The number cannot receive text messages."},
}
_HTTP_CONTEXT = HttpRequestContext(
    route_key="POST /webhook",
    request_id="JKJaXmPLvHcESHA=",
    at=1767261600,
    path_parameters={},
)
_HANDSHAKE = Handshake(
    stage="live",
    connection_id="JKJaXfGPIAMCEeg=",
    connected_at=1767261590,
    headers=(("Host", "agent.example.com"), ("User-Agent", "AI-Flow")),
    source_ip="192.0.2.1",
    authorizer_context={"principalId": "ai-flow"},
)
_WEBSOCKET_CONTEXT = WebSocketRequestContext(
    request_id=_HTTP_CONTEXT.request_id, message_id="JKJaXdVCIAMCEeg=", at=_HTTP_CONTEXT.at
)


def event_members(event_type: str) -> frozenset[str]:
    """Return the members of an event type, without `type` and `session`."""
    return frozenset(EVENT_TYPES[event_type].model_fields) - {"type", "session"}


def sample_event(
    event_type: str,
    members: Mapping[str, JsonValue] | None = None,
    session: Mapping[str, JsonValue] | None = None,
) -> JsonObject:
    """Return a sample event; `members` and `session` replace sample values.

    Raises:
        Unreadable: The session id is invalid.
    """
    event: JsonObject = {
        "type": event_type,
        "session": {**SESSION, **(session or {})},
        **_SAMPLES.get(event_type, {}),
        **(members or {}),
    }
    try:
        model = parse_event(event)
    except InvalidEvent as error:
        raise Unreadable(error.reason, str(error)) from None
    # Drop members that the model does not have, since the service does not send them.
    return {name: event[name] for name in event if name in type(model).model_fields}


def http_envelope(event: JsonObject, token: str = SAM_LOCAL_TOKEN) -> JsonObject:
    """Wrap an event in an HTTP request, as API Gateway passes it to a function."""
    body = _body(event)
    headers = {
        "content-length": str(len(body)),
        "content-type": "application/json",
        "host": "agent.example.com",
        "user-agent": "AI-Flow",
        "x-api-token": token,
    }
    request = HttpRequest(
        method="POST",
        path="/webhook",
        headers=tuple(headers.items()),
        body=body,
        source_ip="192.0.2.1",
    )
    return http_event(request, _HTTP_CONTEXT)


def websocket_envelope(event: JsonObject) -> JsonObject:
    """Wrap an event in a message, as a WebSocket API passes it to the function of its type."""
    return message_event(_HANDSHAKE, _WEBSOCKET_CONTEXT, str(event["type"]), _body(event).decode())


def _body(event: JsonObject) -> bytes:
    text = json.dumps(event, ensure_ascii=False, separators=(",", ":"))
    # UTF-8 cannot encode a lone surrogate, so it becomes a JSON escape sequence.
    return text.encode(errors="backslashreplace")


def to_json_text(event: JsonObject) -> str:
    """Return an event as indented JSON, as in the files of `events/`."""
    return json.dumps(event, indent=2, ensure_ascii=False) + "\n"
