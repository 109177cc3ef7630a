"""The AWS actions that each function uses: the real handlers run against moto.

An event hook of botocore records every API call.
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
from aiflow.transports.connection_sender import ApiGatewayConnectionSender
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
"""The action that sends over a WebSocket."""

_ENDPOINT = "AWS_ENDPOINT_URL_APIGATEWAYMANAGEMENTAPI"
_MEMBERS = {"user_speak": {"text": "What are your hours?"}, "dtmf_received": {"digit": "1"}}
# What the caller said before: nothing; something; something with a deferred action.
_BEFORE = ((), ("Hello.",), ("Goodbye.",))
_SOON, _ABANDONED = 1, 7200


@dataclass(frozen=True)
class Observation:
    """The result of running every function.

    Attributes:
        actions: the actions that the role of each function must allow, by function name.
        log: everything that the functions logged.
    """

    actions: Mapping[str, frozenset[str]]
    log: Log


@dataclass
class _Recorder:
    """Runs functions one at a time, and records their API calls."""

    table: Table
    runtime: Runtime
    running: str = ""
    actions: Mapping[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    numbers: Iterator[int] = field(default_factory=count)

    def record(self, event_name: str, **_: object) -> None:
        """Record an API call."""
        service, operation = event_name.split(".")[1:]
        self.actions[self.running].add(f"dynamodb:{operation}" if service == "dynamodb" else SEND)

    def run(self, name: str, function: Properties) -> None:
        """Run a function with every kind of input that it handles."""
        handler = _handler_of(function)
        if isinstance(handler, Sweeper):
            self._call(("Hello.",), _ABANDONED)
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
        # The webhook functions are for HTTP only.
        transports = [http_v2, websocket] if own in EVENT_TYPES else [http_v2]
        cases = product(kinds, _BEFORE, (_SOON, _ABANDONED), transports)
        for kind, before, seconds, envelope in cases:
            event = {**self._call(before, seconds), "type": kind, **_MEMBERS.get(kind, {})}
            self._invoke(name, handler, envelope(event))
        self._invoke(name, handler, http_v2({}, token="another"))

    def _call(self, before: tuple[str, ...], seconds: int) -> Mapping[str, object]:
        """Start a call and advance the clock; return the members that its events share."""
        call: dict[str, object] = {"session": {"id": f"call-{next(self.numbers)}"}}
        for text in before:
            event = http_v2({**call, "type": "user_speak", "text": text})
            self._invoke("", webhook.lambda_handler.bind(self.runtime), event)
        self.table.clock.advance(seconds)
        return call

    def _invoke(self, name: str, handler: Any, envelope: Envelope) -> None:  # noqa: ANN401 - untyped
        self.running = name
        handler(envelope, FakeContext())


@cache
def observe() -> Observation:
    """Run every function of the project."""
    with (
        serve_management() as server,
        patch.dict(os.environ, {**ENVIRONMENT, _ENDPOINT: server.endpoint}),
        moto_table(Clock()) as table,
    ):
        client, log = connections_client(), Log()
        connections = ApiGatewayConnectionSender(client, FAULTS)
        recorder = _Recorder(
            table, make_runtime(table.sessions, table.clock, stream=log, connections=connections)
        )
        for each in (client, table.client):
            each.meta.events.register("provide-client-params", recorder.record)
        for name, function in Template(ROOT / "template.yaml").functions.items():
            recorder.run(name, function)
        client.close()
    return Observation(
        {name: frozenset(used) for name, used in recorder.actions.items() if name}, log
    )


def _handler_of(function: Properties) -> Any:  # noqa: ANN401 - untyped
    module, _, name = function["Handler"].rpartition(".")
    folder = function["CodeUri"].removeprefix("functions").strip("/")
    return getattr(import_module(f"{folder}.{module}" if folder else module), name)
