"""A line to an agent: events of one call, sent through the whole road, one after another."""

from collections.abc import Callable, Mapping
from typing import Any

from aiflow import Call, Event, Reply
from aiflow.entrypoints.event import Entrypoint, entrypoint
from aiflow.sessions.record import SessionRecord
from aiflow.sessions.store import SessionStore
from aiflow.settings import Settings
from tests.helpers.runtime import Clock, FakeContext, Log, invoke, make_runtime

type Handle = Callable[[Event, Call], Reply]


def for_every_event(handle: Handle) -> Entrypoint:
    """Make an entrypoint of a handler that says by no annotation what it answers."""

    def answer(event: Event, call: Call) -> Reply:
        return handle(event, call)

    return entrypoint(answer)


class Line:
    """One call to one agent, on a clock that the test moves."""

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
        self._agent = agent if isinstance(agent, Entrypoint) else for_every_event(agent)

    def send(self, name: str, **members: Any) -> Any:  # noqa: ANN401 - JSON
        """Send an event, a minute after the one before; return the JSON of the answer."""
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
        """Send an event while no time passes; return the JSON of the answer, None for a 204."""
        event = {"type": name, "session": {"id": self.session_id, **(session or {})}, **members}
        answer = invoke(self._agent, event, self.runtime, context=context)
        assert answer.status == (204 if answer.body is None else 200)
        return answer.body

    def types(self, name: str, **members: Any) -> list[str]:  # noqa: ANN401 - JSON
        """Send an event; return the types of the actions that are answered."""
        answer: list[dict[str, str]] | dict[str, str] = self.send(name, **members) or []
        actions = [answer] if isinstance(answer, dict) else answer
        return [action["type"] for action in actions]

    @property
    def item(self) -> SessionRecord:
        """What is kept of the call."""
        item = self.runtime.sessions.load(self.session_id)
        assert item is not None
        return item

    @property
    def outcome(self) -> Any:  # noqa: ANN401 - JSON
        """How the last event went, by its log line."""
        return self.log.entries()[-1]["outcome"]
