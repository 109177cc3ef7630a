"""A driver for calls over a WebSocket in process: it sends events and records messages."""

from collections.abc import Callable, Iterator
from dataclasses import replace

from aiflow import Call, Event, Reply
from aiflow.entrypoints.event import Entrypoint
from aiflow.pipeline.time_limits import DelayedAction, TimeLimit, never
from aiflow.sessions.record import SessionRecord
from aiflow.sessions.store import SessionStore
from aiflow.settings import Settings
from tests.helpers.in_process import untyped_entrypoint
from tests.helpers.recording_connections import RecordingConnectionSender
from tests.helpers.runtime import Clock, FakeContext, Log, make_runtime, unlimited, websocket

type Handle = Callable[[Event, Call], Reply]
type StreamingHandle = Callable[[Event, Call], Iterator[Reply]]


class WebSocketCallDriver:
    """One call to one agent over a WebSocket, on a clock that the test advances."""

    def __init__(
        self,
        agent: Handle | StreamingHandle | Entrypoint,
        *,
        sessions: SessionStore | None = None,
        settings: Settings | None = None,
        time_limit: TimeLimit = unlimited,
        run_if_slow: DelayedAction = never,
    ) -> None:
        self.clock = Clock()
        self.log = Log()
        self.connections = RecordingConnectionSender()
        runtime = make_runtime(
            sessions, self.clock, settings, self.log, time_limit, connections=self.connections
        )
        self.runtime = replace(runtime, run_if_slow=run_if_slow)
        self.session_id = "session-123"
        entrypoint = agent if isinstance(agent, Entrypoint) else untyped_entrypoint(agent)
        self.handler = entrypoint.bind(self.runtime)

    def send(
        self,
        name: str,
        connection_id: str = "connection-1",
        context: FakeContext | None = None,
        **members: object,
    ) -> None:
        """Send an event; check that API Gateway gets status 200."""
        event = {"type": name, "session": {"id": self.session_id}, **members}
        envelope = websocket(event, connection_id=connection_id)
        assert self.handler(envelope, context or FakeContext()) == {"statusCode": 200}

    @property
    def record(self) -> SessionRecord:
        """The stored record of the call."""
        record = self.runtime.sessions.load(self.session_id)
        assert record is not None
        return record

    @property
    def outcomes(self) -> list[str]:
        """The outcomes of the events, from their log lines, in the order in which they ended."""
        return [entry["outcome"] for entry in self.log.entries()]
