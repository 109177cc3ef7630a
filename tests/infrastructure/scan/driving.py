"""What each function really asks of AWS: the real handlers on the real road, AWS played by moto.

Calls are taken down at botocore's own seam, so that nothing passes by unseen.
"""

import os
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from itertools import count, product
from typing import Any
from unittest.mock import patch

from aiflow.aws_clients import FAULTS, connections_client
from aiflow.entrypoints import webhook
from aiflow.entrypoints.authorizer import Authorizer
from aiflow.entrypoints.connection import Connection
from aiflow.entrypoints.sweeper import Sweeper
from aiflow.pipeline.runtime import Runtime
from aiflow.protocol.events import EVENT_TYPES
from aiflow.transports.connections import ApiGatewayConnectionSender
from tests.helpers.management import serve_management
from tests.helpers.runtime import (
    TOKEN,
    Clock,
    Envelope,
    FakeContext,
    Log,
    http_v2,
    make_runtime,
    websocket,
)
from tests.helpers.tables import ENVIRONMENT, Table, moto_table
from tests.helpers.template import ROOT, Properties, Template

SEND = "execute-api:ManageConnections"
"""What a role must allow for sending over a WebSocket."""

_ENDPOINT = "AWS_ENDPOINT_URL_APIGATEWAYMANAGEMENTAPI"
_MEMBERS = {"user_speak": {"text": "What are your hours?"}, "dtmf_received": {"digit": "1"}}
# What the caller said before: nothing yet; something; what the agent has more to say to.
_BEFORE = ((), ("Hello.",), ("Goodbye.",))
_SOON, _TOO_LATE = 1, 7200


@dataclass(frozen=True)
class Driven:
    """What came of putting every function to work.

    Attributes:
        actions: by the name of a function, what its role must allow.
        log: all that they wrote.
    """

    actions: Mapping[str, frozenset[str]]
    log: Log


@dataclass
class _Drive:
    """Functions at work, one at a time."""

    table: Table
    runtime: Runtime
    at_work: str = ""
    actions: Mapping[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    numbers: Iterator[int] = field(default_factory=count)

    def note(self, event_name: str, **_: object) -> None:
        """Take down a call to AWS."""
        service, operation = event_name.split(".")[1:]
        self.actions[self.at_work].add(f"dynamodb:{operation}" if service == "dynamodb" else SEND)

    def work(self, name: str, function: Properties) -> None:
        """Let a function meet all that it is made for."""
        handler = _handler_of(function)
        if isinstance(handler, Sweeper):
            self._call(("Hello.",), _TOO_LATE)
            self._invoke(name, handler.bind(self.runtime, self.table.sessions), {})
        elif isinstance(handler, Authorizer | Connection):
            for token in (TOKEN, "another"):
                request = websocket(None, kind="CONNECT")
                request["headers"] = {"x-api-token": token}
                self._invoke(name, handler.bind(self.runtime), request)
        else:
            self._answer(name, handler.bind(self.runtime), function)

    def _answer(self, name: str, handler: Any, function: Properties) -> None:  # noqa: ANN401 - untyped
        own = function["CodeUri"].removeprefix("functions/")
        kinds = [own] if own in EVENT_TYPES else [*EVENT_TYPES]
        # The front doors are for HTTP only.
        doors = [http_v2, websocket] if own in EVENT_TYPES else [http_v2]
        for kind, before, seconds, door in product(kinds, _BEFORE, (_SOON, _TOO_LATE), doors):
            event = {**self._call(before, seconds), "type": kind, **_MEMBERS.get(kind, {})}
            self._invoke(name, handler, door(event))
        self._invoke(name, handler, http_v2({}, token="another"))

    def _call(self, before: tuple[str, ...], seconds: int) -> Mapping[str, object]:
        """Begin a call, and let time pass; return what its events have in common."""
        call: dict[str, object] = {"session": {"id": f"call-{next(self.numbers)}"}}
        for text in before:
            event = http_v2({**call, "type": "user_speak", "text": text})
            self._invoke("", webhook.lambda_handler.bind(self.runtime), event)
        self.table.clock.advance(seconds)
        return call

    def _invoke(self, name: str, handler: Any, envelope: Envelope) -> None:  # noqa: ANN401 - untyped
        self.at_work = name
        handler(envelope, FakeContext())


@cache
def driven() -> Driven:
    """Put every function of the project to work."""
    with (
        serve_management() as server,
        patch.dict(os.environ, {**ENVIRONMENT, _ENDPOINT: server.endpoint}),
        moto_table(Clock()) as table,
    ):
        client, log = connections_client(), Log()
        connections = ApiGatewayConnectionSender(client, FAULTS)
        drive = _Drive(
            table, make_runtime(table.sessions, table.clock, stream=log, connections=connections)
        )
        for each in (client, table.client):
            each.meta.events.register("provide-client-params", drive.note)
        for name, function in Template(ROOT / "template.yaml").functions.items():
            drive.work(name, function)
        client.close()
    return Driven({name: frozenset(asked) for name, asked in drive.actions.items() if name}, log)


def _handler_of(function: Properties) -> Any:  # noqa: ANN401 - untyped
    module, _, name = function["Handler"].rpartition(".")
    folder = function["CodeUri"].removeprefix("functions").strip("/")
    return getattr(import_module(f"{folder}.{module}" if folder else module), name)
