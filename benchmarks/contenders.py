"""The contenders: this product as it is built, and other ways to write the same agent."""

import json
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import Any, Self

from benchmarks.deployed import TOKEN, default_stack, webhook_function
from tests.helpers.emulator import BUILD, RUNTIME
from tests.helpers.template import ROOT

type Envelope = dict[str, Any]
"""A request in the payload format of an HTTP API."""

PEERS = Path(__file__).parent / "peers"
PACKAGES = ROOT / ".bench"
"""The packages of each peer in a folder of its own, installed by `make bench`."""

PRECOMPILED = PACKAGES / "bytecode"
"""The code and packages of each peer with bytecode, compiled by `make bench`."""

LAYER = BUILD / "AiflowLayer" / "python"
_PASSWORD = b64encode(f"benchmark:{TOKEN}".encode()).decode()


@dataclass(frozen=True, eq=False)
class Contender:
    """One way to write the agent.

    Attributes:
        name: its name in the report.
        handler: the handler in the notation of Lambda, `module.name`.
        code: the folder that becomes the function.
        packages: the folder with its dependencies; None if it has none or they are in `code`.
        key: the key attributes of its table.
        has_bytecode: whether it is compiled already.
        envelope: makes the request of a turn from the session id and the transcript.
    """

    name: str
    handler: str
    code: Path
    packages: Path | None = None
    key: tuple[str, ...] = ("id",)
    has_bytecode: bool = False
    envelope: Callable[[str, str], Envelope] = field(kw_only=True)

    @property
    def paths(self) -> list[Path]:
        """Where Python finds its modules, in the order of Lambda: function, layer, image.

        The packages of a peer are part of its function.
        """
        return [self.code, *([self.packages] if self.packages else []), RUNTIME]

    @property
    def precompiled(self) -> Self:
        """The same peer with bytecode, compiled as ours is."""
        return replace(
            self,
            name=f"{self.name}, bytecode",
            code=PRECOMPILED / self.code.name,
            packages=None,
            has_bytecode=True,
        )

    def environment(self, table: str, endpoint: str) -> dict[str, str]:
        """Return the environment variables of the function."""
        return {
            **_LAMBDA,
            "AWS_ENDPOINT_URL_DYNAMODB": endpoint,
            "TABLE": table,
            "SESSIONS_TABLE": table,
            "API_TOKEN_SHA256": sha256(TOKEN.encode()).hexdigest(),
            # The defaults would end a call of 500 turns.
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
    """Return the request of AI Flow for a transcript of the caller."""
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
    """Return the request of SignalWire for a call of the tool."""
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


BASELINE = _peer("bare", "bare boto3 handler")
_WEBHOOK = webhook_function(default_stack())
OURS = Contender(
    "aiflow webhook",
    _WEBHOOK.handler,
    BUILD / _WEBHOOK.name,
    LAYER,
    ("pk", "sk"),
    has_bytecode=True,
    envelope=user_speak,
)
_PEERS = (
    _peer("flask", "Flask + apig-wsgi"),
    _peer("fastapi", "FastAPI + Mangum"),
    _peer("powertools", "Powertools resolver"),
    _peer("ask", "ASK SDK handlers"),
    _peer("signalwire", "signalwire-agents", _tool_call),
)
CONTENDERS = (BASELINE, OURS, *(each for peer in _PEERS for each in (peer, peer.precompiled)))
"""The baseline, ours, and each peer twice: as `sam build` leaves it, and with bytecode as ours.

The docstring of each `app.py` says what the peer does. The baseline is one small file, for which
bytecode makes no measurable difference.
"""

# The environment of Lambda. The trace is sampled, so that contenders with a tracer trace.
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
