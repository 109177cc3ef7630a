"""Mock events, made from the models: for `sam local invoke`, for tests, and to look at."""

import json
from collections.abc import Mapping
from pathlib import Path

from aiflow.errors import InvalidEvent
from aiflow.protocol.events import EVENT_TYPES, parse_event
from aiflow.protocol.types import JsonObject, JsonValue
from aiflow_local.emulator.http_event import Arrival, HttpRequest, http_event
from aiflow_local.emulator.websocket_event import Moment, Opening, message_event
from aiflow_local.errors import Unreadable

SAM_LOCAL_TOKEN = "local-token-for-sam-local-only-0123456789"  # noqa: S105 - it opens nothing
"""The public token whose digest samconfig.toml gives to `sam local`; good for nothing else."""

# Numbers that the German regulator keeps free for films and examples.
CALLER = "491713920042"
AGENT = "493023125001"
COLLEAGUE = "493023125099"

SESSION: Mapping[str, str] = {
    "id": "9b2c1e0a-5d47-4f6b-8a3e-0c1d2e3f4a5b",
    "account_id": "account-123",
    "phone_number": AGENT,
    "direction": "inbound",
    "from_phone_number": CALLER,
    "to_phone_number": AGENT,
}
"""A session with all six members."""

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
_ARRIVAL = Arrival(
    route_key="POST /webhook",
    request_id="JKJaXmPLvHcESHA=",
    at=1767261600,
    path_parameters={},
)
_OPENING = Opening(
    stage="live",
    connection_id="JKJaXfGPIAMCEeg=",
    connected_at=1767261590,
    headers=(("Host", "agent.example.com"), ("User-Agent", "AI-Flow")),
    source_ip="192.0.2.1",
    authorized={"principalId": "ai-flow"},
)
_MOMENT = Moment(request_id=_ARRIVAL.request_id, message_id="JKJaXdVCIAMCEeg=", at=_ARRIVAL.at)


def members_of(event_type: str) -> frozenset[str]:
    """Return the members that events of a type have of their own."""
    return frozenset(EVENT_TYPES[event_type].model_fields) - {"type", "session"}


def sample_event(
    event_type: str,
    members: Mapping[str, JsonValue] | None = None,
    session: Mapping[str, JsonValue] | None = None,
) -> JsonObject:
    """Return an event of a type, with these members in place of the samples.

    Raises:
        Unreadable: the session has no usable id.
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
    # As the service would send it: with nothing in it that the model does not know.
    return {name: event[name] for name in event if name in type(model).model_fields}


def http_envelope(event: JsonObject, token: str = SAM_LOCAL_TOKEN) -> JsonObject:
    """Return the event as API Gateway hands it to a function."""
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
    return http_event(request, _ARRIVAL)


def websocket_envelope(event: JsonObject) -> JsonObject:
    """Return the event as a WebSocket API hands it to the function of its type."""
    return message_event(_OPENING, _MOMENT, str(event["type"]), _body(event).decode())


def _body(event: JsonObject) -> bytes:
    text = json.dumps(event, ensure_ascii=False, separators=(",", ":"))
    # A lone surrogate, which UTF-8 cannot write, is escaped as JSON escapes it.
    return text.encode(errors="backslashreplace")


def as_text(event: JsonObject) -> str:
    """Return an event as it stands in a file."""
    return json.dumps(event, indent=2, ensure_ascii=False) + "\n"


def write_all(folder: Path) -> list[Path]:
    """Write a mock event of each type, in each envelope; remove those of types long gone.

    Beside the calls stands the schema by which editors complete scenarios.
    """
    # One mock event need not wait for what reads scenarios.
    from aiflow_local.simulator.scenarios.scenario import scenario_schema  # noqa: PLC0415 - see above

    events = {event_type: sample_event(event_type) for event_type in EVENT_TYPES}
    texts = {folder / f"{name}.json": as_text(event) for name, event in events.items()}
    texts |= {
        folder / "http" / f"{name}.json": as_text(http_envelope(event))
        for name, event in events.items()
    }
    texts |= {
        folder / "websocket" / f"{name}.json": as_text(websocket_envelope(event))
        for name, event in events.items()
    }
    texts[folder / "calls" / "scenarios.schema.json"] = as_text(scenario_schema())
    for pattern in ("*.json", "http/*.json", "websocket/*.json"):
        for path in {*folder.glob(pattern)} - texts.keys():
            path.unlink()
    for path, text in texts.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return list(texts)
