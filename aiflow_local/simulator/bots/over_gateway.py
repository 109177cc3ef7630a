"""Runs the agent of this project behind its gateway, on the clock of the call.

The access log of the gateway tells when the agent has processed an event. So a call over a
WebSocket has the same transcript in each run, and the same as a call without a socket.
"""

import time
from collections.abc import Callable, Generator, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from threading import Condition

from aiflow.errors import StoreUnavailable
from aiflow.sessions.record import SessionRecord
from aiflow_local.emulator.access_log import AccessLogEntry, MessageLogEntry
from aiflow_local.emulator.gateway import Gateway
from aiflow_local.emulator.project_gateway import ProjectOptions, ServedProject, serve_project
from aiflow_local.errors import TemplateError
from aiflow_local.simulator.bots.connector import BotConnector, ConnectedBot, TransportName
from aiflow_local.simulator.bots.http import HttpConnection
from aiflow_local.simulator.bots.response_wait import NoWait, WaitUntilProcessed
from aiflow_local.simulator.bots.websocket import WebSocketConnection
from aiflow_local.simulator.engine.call import EPOCH_MS
from aiflow_local.simulator.engine.clock import Clock
from aiflow_local.simulator.engine.options import ServiceOptions
from aiflow_local.stack.project import TEMPLATE
from aiflow_local.stack.websocket_api import CONNECT, DISCONNECT
from aiflow_local.tokens import new_token


class _CallMonitor:
    """Provides the time of the current call and counts processed messages."""

    def __init__(self) -> None:
        self._clock: Clock | None = None
        self._changed = Condition()
        self._handled = self._sent = 0
        self._is_closed = False

    def begin(self, clock: Clock) -> None:
        """Start a new call."""
        self._clock = clock
        self._handled = self._sent = 0
        self._is_closed = False

    def now(self) -> float:
        """Return the Unix time of the call, in seconds."""
        return time.time() if self._clock is None else (EPOCH_MS + self._clock.now_ms) / 1000

    def on_served(self, served: AccessLogEntry) -> None:
        """Count a request or message of the access log."""
        if not isinstance(served, MessageLogEntry):
            return
        with self._changed:
            if served.route_key in {CONNECT, DISCONNECT}:
                self._is_closed = served.route_key == DISCONNECT
            else:
                self._handled += 1
                self._sent += served.sent
            self._changed.notify_all()

    def settled(self, number: int) -> int:
        """Wait until events are processed; see `ProcessedMessages`."""
        with self._changed:
            self._changed.wait_for(lambda: self._handled >= number or self._is_closed)
            return self._sent


@contextmanager
def serve_project_agent(
    transport: TransportName, parameters: Sequence[str], report_error: Callable[[str], None]
) -> Generator[BotConnector]:
    """Serve the agent of this project while the block runs.

    Args:
        transport: transport between the simulator and the agent.
        parameters: template parameters, as `NAME=VALUE`.
        report_error: called with the traceback of each handler error.

    Raises:
        LocalError: the project cannot be served.
    """
    monitor, token = _CallMonitor(), new_token()
    with serve_project(
        ProjectOptions(token, parameters, report_error, monitor.now, monitor.on_served)
    ) as own:

        def connection(
            clock: Clock, options: ServiceOptions
        ) -> AbstractContextManager[HttpConnection | WebSocketConnection]:
            if transport == "http":
                deadline_ms = options.answer_deadline_ms
                return HttpConnection(own.url, token.secret, deadline_ms, use_proxies=False)
            url = _websocket_url(own)
            if clock.wake:
                return WebSocketConnection(url, token.secret, options, NoWait(), clock.wake)
            return WebSocketConnection(
                url, token.secret, options, WaitUntilProcessed(monitor.settled)
            )

        @contextmanager
        def connect(clock: Clock, options: ServiceOptions) -> Generator[ConnectedBot]:
            monitor.begin(clock)
            with connection(clock, options) as opened:
                yield ConnectedBot(opened, partial(_read_record, own.gateway))

        yield connect


def _websocket_url(own: ServedProject) -> str:
    if own.websocket_url is None:
        raise TemplateError(f"{TEMPLATE} has no WebSocket API, or its parameters disable it")
    return own.websocket_url


def _read_record(gateway: Gateway, session_id: str) -> SessionRecord | None:
    try:
        return gateway.deployment.sessions.load(session_id)
    except StoreUnavailable:
        # An agent without the layer has no table of sessions.
        return None
