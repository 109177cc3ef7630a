"""Who is measured: the product as it is built, and what people would write otherwise."""

import json
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from tests.helpers.emulator import BUILD, RUNTIME
from tests.helpers.template import ROOT

type Envelope = dict[str, Any]
"""A request as an HTTP API hands it to a function."""

PEERS = Path(__file__).parent / "peers"
PACKAGES = ROOT / ".bench"
"""The packages of the peers, each in a folder of its own; `make bench` fills it."""

LAYER = BUILD / "AiflowLayer" / "python"
TOKEN = "correct-horse-battery-staple-0123456789abcdef"  # noqa: S105 - it opens nothing
_PASSWORD = b64encode(f"benchmark:{TOKEN}".encode()).decode()


@dataclass(frozen=True, eq=False)
class Contender:
    """One way to write the agent.

    Attributes:
        name: in the table.
        handler: as Lambda is told it, `module.name`.
        code: the folder that becomes the function.
        packages: the folder with what it depends on; None without any.
        key: the attributes that are the key of its table.
        envelope: makes the request of a turn, from the session id and the words.
    """

    name: str
    handler: str
    code: Path
    packages: Path | None = None
    key: tuple[str, ...] = ("id",)
    envelope: Callable[[str, str], Envelope] = field(kw_only=True)

    @property
    def paths(self) -> list[Path]:
        """Where its modules are found, in the order of Lambda: the function, the layer, the image.

        A peer's packages are part of its function.
        """
        return [self.code, *([self.packages] if self.packages else []), RUNTIME]

    def environment(self, table: str, endpoint: str) -> dict[str, str]:
        """Return the environment of the function."""
        return {
            **_LAMBDA,
            "AWS_ENDPOINT_URL_DYNAMODB": endpoint,
            "TABLE": table,
            "SESSIONS_TABLE": table,
            "API_TOKEN_SHA256": sha256(TOKEN.encode()).hexdigest(),
            # A call of five hundred turns has had more than its share by default.
            "MAX_TURNS": "10000",
            "MAX_MINUTES": "1440",
        }


def _request(headers: Mapping[str, str], path: str, body: Mapping[str, object]) -> Envelope:
    http = {
        "method": "POST",
        "path": path,
        "protocol": "HTTP/1.1",
        "sourceIp": "192.0.2.1",
        "userAgent": "benchmark",
    }
    context = {
        "accountId": "123456789012",
        "apiId": "api",
        "domainName": "api.invalid",
        "domainPrefix": "api",
        "http": http,
        "requestId": "request",
        "routeKey": f"POST {path}",
        "stage": "$default",
        "time": "22/Nov/2026:12:00:00 +0000",
        "timeEpoch": 1795348800000,
    }
    return {
        "version": "2.0",
        "routeKey": f"POST {path}",
        "rawPath": path,
        "rawQueryString": "",
        "headers": {"content-type": "application/json", "host": "api.invalid", **headers},
        "requestContext": context,
        "body": json.dumps(body),
        "isBase64Encoded": False,
    }


def user_speak(session_id: str, text: str) -> Envelope:
    """Return the request of AI Flow when the caller said `text`."""
    session = {
        "id": session_id,
        "account_id": "account-123",
        "phone_number": "493023125001",
        "direction": "inbound",
        "from_phone_number": "493023125042",
        "to_phone_number": "493023125001",
    }
    event = {"type": "user_speak", "session": session, "text": text, "barged_in": False}
    return _request({"x-api-token": TOKEN}, "/webhook", event)


def _tool_call(session_id: str, text: str) -> Envelope:
    """Return the request of the other service when its model calls the tool."""
    body = {
        "function": "repeat",
        "call_id": session_id,
        "argument": {"parsed": [{"text": text}], "raw": json.dumps({"text": text})},
    }
    return _request({"authorization": f"Basic {_PASSWORD}"}, "/swaig", body)


def _peer(
    folder: str, name: str, envelope: Callable[[str, str], Envelope] = user_speak
) -> Contender:
    packages = PACKAGES / folder
    return Contender(
        name,
        "app.lambda_handler",
        PEERS / folder,
        packages if packages.is_dir() else None,
        envelope=envelope,
    )


BARE = _peer("bare", "bare boto3 handler")
OURS = Contender(
    "aiflow front door",
    "aiflow.entrypoints.webhook.lambda_handler",
    BUILD / "WebhookFunction",
    LAYER,
    ("pk", "sk"),
    envelope=user_speak,
)
CONTENDERS = (
    BARE,
    OURS,
    _peer("flask", "Flask + apig-wsgi"),
    _peer("fastapi", "FastAPI + Mangum"),
    _peer("powertools", "Powertools resolver"),
    _peer("ask", "ASK SDK handlers"),
    _peer("signalwire", "signalwire-agents", _tool_call),
)
"""All, the floor first. What each does: the first lines of its `app.py`."""

# What every function finds on Lambda. The trace is sampled, so that who traces does so.
_LAMBDA = {
    "AWS_ACCESS_KEY_ID": "made-up",
    "AWS_SECRET_ACCESS_KEY": "made-up",
    "AWS_DEFAULT_REGION": "eu-central-1",
    "AWS_REGION": "eu-central-1",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_LAMBDA_FUNCTION_NAME": "benchmark",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1024",
    "_X_AMZN_TRACE_ID": "Root=1-5759e988-bd862e3fe1be46a994272793"
    ";Parent=53995c3f42cd8ad8;Sampled=1",
    "POWERTOOLS_SERVICE_NAME": "benchmark",
    "POWERTOOLS_METRICS_NAMESPACE": "Benchmark",
    "SWML_BASIC_AUTH_USER": "benchmark",
    "SWML_BASIC_AUTH_PASSWORD": TOKEN,
}
