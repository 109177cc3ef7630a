"""The agent of this project over real sockets, and yet on the clock of the call.

What the gateway tells of the messages that it served says exactly when the agent is done. So a call
over a WebSocket has the same transcript each run, and the same as one without any socket.
"""

import time
from collections.abc import Callable, Generator, Sequence
from contextlib import AbstractContextManager, contextmanager
from threading import Condition
from typing import Any

from aiflow_local.emulator.access_log import AccessLogEntry, MessageLogEntry
from aiflow_local.emulator.gateway import Gateway
from aiflow_local.emulator.project_gateway import ProjectOptions, ServedProject, serve_project
from aiflow_local.errors import TemplateError
from aiflow_local.simulator.bots.http import UrlDoor
from aiflow_local.simulator.bots.response_wait import Live, UntilSettled
from aiflow_local.simulator.bots.target import Reach, Reached, TransportName
from aiflow_local.simulator.bots.websocket import SocketDoor
from aiflow_local.simulator.engine.call import EPOCH_MS
from aiflow_local.simulator.engine.clock import Clock
from aiflow_local.simulator.engine.options import Switches
from aiflow_local.stack.project import TEMPLATE
from aiflow_local.stack.websocket_api import CONNECT, DISCONNECT
from aiflow_local.tokens import new_token


class _Watch:
    """Knows the time of the call that is on, and how far the gateway is with its messages."""

    def __init__(self) -> None:
        self._clock: Clock | None = None
        self._changed = Condition()
        self._handled = self._sent = 0
        self._is_closed = False

    def begin(self, clock: Clock) -> None:
        """Watch the next call."""
        self._clock = clock
        self._handled = self._sent = 0
        self._is_closed = False

    def now(self) -> float:
        """Return the Unix time of the call, in seconds."""
        return time.time() if self._clock is None else (EPOCH_MS + self._clock.now_ms) / 1000

    def told(self, served: AccessLogEntry) -> None:
        """Learn that something was served."""
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
        """See `Settled`."""
        with self._changed:
            self._changed.wait_for(lambda: self._handled >= number or self._is_closed)
            return self._sent


@contextmanager
def load_served_agent(
    transport: TransportName, parameters: Sequence[str], complain: Callable[[str], None]
) -> Generator[Reach]:
    """Serve the agent of this project, for as long as the block takes.

    Args:
        transport: what lies between.
        parameters: of the template, as `NAME=VALUE`.
        complain: told of each error of a handler.

    Raises:
        LocalError: the project is not as it must be.
    """
    watch, token = _Watch(), new_token()
    with serve_project(ProjectOptions(token, parameters, complain, watch.now, watch.told)) as own:

        def door(clock: Clock, switches: Switches) -> AbstractContextManager[UrlDoor | SocketDoor]:
            if transport == "http":
                return UrlDoor(own.url, token.secret, switches.answer_deadline_ms)
            url = _websocket_url(own)
            if clock.wake:
                return SocketDoor(url, token.secret, switches, Live(), clock.wake)
            return SocketDoor(url, token.secret, switches, UntilSettled(watch.settled))

        @contextmanager
        def reach(clock: Clock, switches: Switches) -> Generator[Reached]:
            watch.begin(clock)
            with door(clock, switches) as opened:
                yield Reached(opened, lambda session_id: _state(own.gateway, session_id))

        yield reach


def _websocket_url(own: ServedProject) -> str:
    if own.websocket_url is None:
        raise TemplateError(f"{TEMPLATE} has no WebSocket API, or it is switched off")
    return own.websocket_url


def _state(gateway: Gateway, session_id: str) -> dict[str, Any]:
    item = gateway.deployment.sessions.load(session_id)
    return item.state if item else {}
