"""A call over a WebSocket: events of one call, and the messages that came back."""

from collections.abc import Callable, Iterator
from dataclasses import replace

from aiflow import Call, Event, Reply
from aiflow.entrypoints.event import Entrypoint
from aiflow.pipeline.time_limits import DelayedAction, TimeLimit, never
from aiflow.sessions.record import SessionRecord
from aiflow.sessions.store import SessionStore
from aiflow.settings import Settings
from tests.helpers.in_process import for_every_event
from tests.helpers.inbox import Mailbox
from tests.helpers.runtime import Clock, FakeContext, Log, make_runtime, unlimited, websocket

type Handle = Callable[[Event, Call], Reply]
type Pieces = Callable[[Event, Call], Iterator[Reply]]


class WebSocketLine:
    """One call to one agent, on a clock that the test moves."""

    def __init__(
        self,
        agent: Handle | Pieces | Entrypoint,
        *,
        sessions: SessionStore | None = None,
        settings: Settings | None = None,
        time_limit: TimeLimit = unlimited,
        run_if_slow: DelayedAction = never,
    ) -> None:
        self.clock = Clock()
        self.log = Log()
        self.mailbox = Mailbox()
        runtime = make_runtime(
            sessions, self.clock, settings, self.log, time_limit, connections=self.mailbox
        )
        self.runtime = replace(runtime, run_if_slow=run_if_slow)
        self.session_id = "session-123"
        entrypoint = agent if isinstance(agent, Entrypoint) else for_every_event(agent)
        self.handler = entrypoint.bind(self.runtime)

    def send(
        self,
        name: str,
        connection_id: str = "connection-1",
        context: FakeContext | None = None,
        **members: object,
    ) -> None:
        """Send an event, and see that API Gateway is told that all is well."""
        event = {"type": name, "session": {"id": self.session_id}, **members}
        envelope = websocket(event, connection_id=connection_id)
        assert self.handler(envelope, context or FakeContext()) == {"statusCode": 200}

    @property
    def item(self) -> SessionRecord:
        """What is kept of the call."""
        item = self.runtime.sessions.load(self.session_id)
        assert item is not None
        return item

    @property
    def outcomes(self) -> list[str]:
        """How the events went, by their log lines, in the order in which they were over."""
        return [entry["outcome"] for entry in self.log.entries()]
