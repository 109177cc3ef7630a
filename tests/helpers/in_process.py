"""A driver for calls in process: it sends events through the whole pipeline, one by one."""

from collections.abc import Callable, Mapping
from typing import Any

from aiflow import Call, Event, Reply
from aiflow.entrypoints.event import Entrypoint, entrypoint
from aiflow.sessions.record import SessionRecord
from aiflow.sessions.store import SessionStore
from aiflow.settings import Settings
from tests.helpers.runtime import Clock, FakeContext, Log, invoke, make_runtime

type Handle = Callable[[Event, Call], Reply]


def untyped_entrypoint(handle: Handle) -> Entrypoint:
    """Make an entrypoint that handles every event type from a handler without annotations."""

    def answer(event: Event, call: Call) -> Reply:
        return handle(event, call)

    return entrypoint(answer)


class CallDriver:
    """One call to one agent over HTTP, on a clock that the test advances."""

    def __init__(
        self,
        agent: Handle | Entrypoint,
        *,
        sessions: SessionStore | None = None,
        settings: Settings | None = None,
    ) -> None:
        self.clock = Clock()
        self.log = Log()
        self.runtime = make_runtime(sessions, self.clock, settings, self.log)
        self.session_id = "session-123"
        self._agent = agent if isinstance(agent, Entrypoint) else untyped_entrypoint(agent)

    def send(self, name: str, **members: Any) -> Any:  # noqa: ANN401 - JSON
        """Send an event one minute after the previous one; return the JSON of the answer."""
        self.clock.advance(60)
        return self.send_at_once(name, **members)

    def send_at_once(
        self,
        name: str,
        *,
        session: Mapping[str, object] | None = None,
        context: FakeContext | None = None,
        **members: object,
    ) -> Any:  # noqa: ANN401 - JSON
        """Send an event without advancing the clock; return the answer as JSON, None for 204."""
        event = {"type": name, "session": {"id": self.session_id, **(session or {})}, **members}
        answer = invoke(self._agent, event, self.runtime, context=context)
        assert answer.status == (204 if answer.body is None else 200)
        return answer.body

    def types(self, name: str, **members: Any) -> list[str]:  # noqa: ANN401 - JSON
        """Send an event one minute after the previous one; return the types of the actions."""
        answer: list[dict[str, str]] | dict[str, str] = self.send(name, **members) or []
        actions = [answer] if isinstance(answer, dict) else answer
        return [action["type"] for action in actions]

    @property
    def record(self) -> SessionRecord:
        """The stored record of the call."""
        record = self.runtime.sessions.load(self.session_id)
        assert record is not None
        return record

    @property
    def outcome(self) -> Any:  # noqa: ANN401 - JSON
        """The outcome of the last event, from its log line."""
        return self.log.entries()[-1]["outcome"]
