"""The sweeper: abandoned calls are found by an index and closed once."""

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from aiflow import Call, Reply, SessionEnd, entrypoint
from aiflow.entrypoints import webhook
from aiflow.entrypoints.event import Entrypoint
from aiflow.entrypoints.sweeper import Sweeper
from aiflow.errors import StoreUnavailable
from aiflow.sessions.record import SessionRecord, Status
from tests.helpers.items import EXPIRES_AT
from tests.helpers.runtime import NOW, Clock, FakeContext, Log, invoke, make_runtime
from tests.helpers.tables import RecordedRequests, Table

if TYPE_CHECKING:
    from aiflow.pipeline.runtime import Runtime
    from tests.contract.conftest import Sessions

NOW_MS = int(NOW * 1000)
ABANDONED = 1800
ENDED = {"type": "session_end"}


def call_since(session_id: str, at_ms: int, status: Status = Status.ACTIVE) -> SessionRecord:
    item = SessionRecord(session_id=session_id, first_event_at_ms=at_ms, status=status)
    return item.next_version("writer", EXPIRES_AT)


class EndHandler:
    """A handler of `session_end` that records the calls for which it ran."""

    def __init__(self, interfere: Callable[[], object] = lambda: None) -> None:
        self.ran: list[str] = []
        self._meanwhile = interfere

    @property
    def handler(self) -> Entrypoint:
        """The handler as an entrypoint."""

        def handle(event: SessionEnd, call: Call) -> Reply:
            self.ran.append(call.session.id)
            call.state["outcome"] = "closed"
            self._meanwhile()
            return None

        return entrypoint(handle)


class Stack:
    """A store with calls on a clock, a sweeper, and a log."""

    def __init__(self, sessions: "Sessions", clock: Clock, end_handler: EndHandler) -> None:
        self.clock, self.sessions, self.end_handler = clock, sessions, end_handler
        self.log = Log()
        self.runtime: Runtime = make_runtime(sessions, clock, stream=self.log)

    def send(self, name: str, session_id: str = "session-1", **members: object) -> Any:  # noqa: ANN401 - JSON
        """Send an event of a call to the agent, or its end to the end handler."""
        handler = self.end_handler.handler if name == "session_end" else webhook.lambda_handler
        event = {"type": name, "session": {"id": session_id}, **members}
        return invoke(handler, event, self.runtime).body

    def sweep(self, remaining_ms: int = 28_000) -> None:
        """Run the sweeper."""
        calls = Sweeper(self.end_handler.handler, lambda: self.runtime, lambda: self.sessions)
        calls({}, FakeContext(remaining_ms=remaining_ms))

    def record(self, session_id: str = "session-1") -> SessionRecord:
        """The stored record of a call."""
        item = self.sessions.load(session_id)
        assert item is not None
        return item

    @property
    def expired(self) -> int:
        """The number of calls counted as abandoned."""
        return sum(blob.get("AbandonedCalls", [0])[0] for blob in self.log.metrics())

    @property
    def summaries(self) -> list[dict[str, Any]]:
        """The logged call summaries."""
        return [entry["call"] for entry in self.log.entries() if "call" in entry]


@pytest.fixture
def stack(sessions: "Sessions", clock: Clock) -> Stack:
    return Stack(sessions, clock, EndHandler())


class TestFinding:
    def test_open_calls_that_began_before_a_time_are_found_oldest_first(
        self, sessions: "Sessions"
    ) -> None:
        for name, age, status in (
            ("b", 200, Status.ACTIVE),
            ("a", 300, Status.TRANSFERRING),
            ("c", 100, Status.GONE),
            ("young", 0, Status.ACTIVE),
            ("ended", 300, Status.ENDED),
        ):
            sessions.commit(call_since(name, NOW_MS - age, status))
        assert list(sessions.open_calls(NOW_MS)) == ["a", "b", "c"]

    def test_an_ended_call_is_not_found(self, sessions: "Sessions") -> None:
        item = call_since("session-1", NOW_MS - 1)
        sessions.commit(item)
        assert list(sessions.open_calls(NOW_MS)) == ["session-1"]
        ended = replace(item, status=Status.ENDED).next_version("writer", EXPIRES_AT)
        sessions.commit(ended)
        assert list(sessions.open_calls(NOW_MS)) == []
        assert sessions.load("session-1") == ended

    def test_many_calls_are_found(self, sessions: "Sessions") -> None:
        for number in range(60):
            sessions.commit(call_since(f"session-{number}", number))
        assert len([*sessions.open_calls(NOW_MS)]) == 60

    def test_the_index_has_keys_that_no_event_changes(self, table: Table, clock: Clock) -> None:
        runtime = make_runtime(table.sessions, clock)
        keys: list[tuple[object, object]] = []
        for name in ("session_start", "user_speak", "assistant_speech_ended", "dtmf_received"):
            clock.advance(10)
            event = {"type": name, "text": "Hi", "digit": "1", "session": {"id": "session-1"}}
            invoke(webhook.lambda_handler, event, runtime)
            item = table.call("session-1")
            keys.append((item["open_call"]["S"], item["first_event_at_ms"]["N"]))
        assert set(keys) == {("1", str(NOW_MS + 10_000))}
        invoke(webhook.lambda_handler, {**ENDED, "session": {"id": "session-1"}}, runtime)
        assert "open_call" not in table.call("session-1")


class TestClosing:
    def test_an_idle_call_is_closed_once_and_its_handler_runs_once(self, stack: Stack) -> None:
        stack.send("session_start")
        stack.clock.advance(ABANDONED)
        for _ in range(3):
            stack.sweep()
        assert stack.end_handler.ran == ["session-1"]
        assert stack.record().status is Status.ENDED
        assert stack.record().state == {"outcome": "closed"}
        assert stack.expired == 1

    def test_a_closed_call_is_summarized_once_as_abandoned_without_its_idle_time(
        self, stack: Stack
    ) -> None:
        stack.send("session_start")
        stack.clock.advance(40)
        stack.send("user_speak", text="Hello?")
        stack.clock.advance(ABANDONED)
        for _ in range(2):
            stack.sweep()
        stack.send("session_end")
        assert stack.summaries == [
            {
                "outcome": "abandoned",
                "seconds": 40.0,
                "turns": 1,
                "interruptions": 0,
                "silences": 0,
            }
        ]

    def test_a_late_session_end_does_not_run_the_handler_again(self, stack: Stack) -> None:
        stack.send("session_start")
        stack.clock.advance(ABANDONED)
        stack.sweep()
        stack.send("session_end")
        assert stack.end_handler.ran == ["session-1"]
        assert stack.log.entries()[-1]["outcome"] == "late"

    def test_a_call_with_a_recent_event_continues(self, stack: Stack) -> None:
        stack.send("session_start")
        stack.clock.advance(ABANDONED - 1)
        stack.send("user_speak", text="Hello?")
        stack.clock.advance(ABANDONED - 1)
        stack.sweep()
        assert stack.end_handler.ran == []
        assert stack.record().status is Status.ACTIVE

    def test_a_call_that_ended_in_time_is_not_closed_again(self, stack: Stack) -> None:
        stack.send("session_start")
        stack.send("session_end")
        stack.clock.advance(ABANDONED)
        stack.sweep()
        assert stack.end_handler.ran == ["session-1"]
        assert stack.expired == 0

    def test_after_the_sweep_every_event_is_late(self, stack: Stack) -> None:
        stack.send("session_start")
        stack.clock.advance(ABANDONED)
        stack.sweep()
        assert stack.send("user_speak", text="Hello?") is None

    def test_a_transferred_call_without_a_reported_end_is_closed(self, stack: Stack) -> None:
        stack.sessions.commit(call_since("session-1", NOW_MS, Status.TRANSFERRING))
        stack.clock.advance(ABANDONED)
        stack.sweep()
        assert stack.end_handler.ran == ["session-1"]

    def test_a_failing_handler_does_not_keep_any_call_open(
        self, sessions: "Sessions", clock: Clock
    ) -> None:
        def fail() -> None:
            raise ZeroDivisionError

        stack = Stack(sessions, clock, EndHandler(fail))
        stack.send("session_start", "session-1")
        stack.send("session_start", "session-2")
        clock.advance(ABANDONED)
        stack.sweep()
        stack.sweep()
        assert sorted(stack.end_handler.ran) == ["session-1", "session-2"]
        assert {stack.record(name).status for name in stack.end_handler.ran} == {Status.ENDED}

    def test_without_enough_time_calls_are_left_to_the_next_run(self, stack: Stack) -> None:
        stack.send("session_start")
        stack.clock.advance(ABANDONED)
        stack.sweep(remaining_ms=4_900)
        assert stack.end_handler.ran == []
        stack.sweep()
        assert stack.end_handler.ran == ["session-1"]


class TestRaces:
    """The end is reported while the sweeper runs."""

    def test_a_session_end_during_the_sweep_finds_the_call_closed(
        self, sessions: "Sessions", clock: Clock
    ) -> None:
        race = Stack(sessions, clock, EndHandler(lambda: race.send("session_end")))
        race.send("session_start")
        clock.advance(ABANDONED)
        race.sweep()
        assert race.end_handler.ran == ["session-1"]
        assert [call["outcome"] for call in race.summaries] == ["abandoned"]

    @pytest.mark.parametrize("early", [0, 59])
    def test_a_sweep_during_session_end_finds_the_call_closed(
        self, sessions: "Sessions", clock: Clock, early: int
    ) -> None:
        """Even if the call becomes old enough for the sweeper only while its handler runs."""

        def interfere() -> None:
            clock.advance(early)
            race.sweep()

        race = Stack(sessions, clock, EndHandler(interfere))
        race.send("session_start")
        clock.advance(ABANDONED - early)
        race.send("session_end")
        assert [call["outcome"] for call in race.summaries] == ["finished"]
        assert race.end_handler.ran == ["session-1"]
        assert race.record().state == {"outcome": "closed"}
        assert race.expired == 0

    def test_an_event_during_the_sweep_keeps_the_call_open(
        self, sessions: "Sessions", clock: Clock
    ) -> None:
        stack = Stack(sessions, clock, EndHandler())
        stack.send("session_start")
        loaded = stack.record()
        clock.advance(ABANDONED)
        stack.send("user_speak", text="Hello?")
        runtime = stack.runtime
        context = FakeContext()
        sweeper = Sweeper(
            stack.end_handler.handler, lambda: runtime, lambda: StaleStore(sessions, loaded)
        )
        sweeper.bind(
            replace(runtime, sessions=StaleStore(sessions, loaded)), StaleStore(sessions, loaded)
        )({}, context)
        assert stack.end_handler.ran == []
        assert stack.record().status is Status.ACTIVE
        assert stack.expired == 0

    def test_an_end_in_time_costs_one_read_and_one_write_and_a_late_end_one_more_write(
        self, table: Table, clock: Clock
    ) -> None:
        runtime = make_runtime(table.sessions, clock)
        end_handler = EndHandler()
        for session_id, quiet, writes in (("in-time", 10, 1), ("late", ABANDONED, 2)):
            session = {"id": session_id}
            start = {"type": "session_start", "session": session}
            invoke(webhook.lambda_handler, start, runtime)
            clock.advance(quiet)
            calls = RecordedRequests.of(table.client)
            invoke(end_handler.handler, {**ENDED, "session": session}, runtime)
            assert calls.counted() == {"GetItem": 1, "UpdateItem": writes}


class StaleStore:
    """A store that loads an outdated record, and otherwise uses the current one."""

    def __init__(self, sessions: "Sessions", loaded: SessionRecord) -> None:
        self._sessions, self._loaded = sessions, loaded

    def load(self, session_id: str) -> SessionRecord | None:
        """See `SessionStore.load`."""
        return self._loaded

    def commit(self, record: SessionRecord) -> None:
        """See `SessionStore.commit`."""
        self._sessions.commit(record)

    def turns(self, session_id: str) -> Any:  # noqa: ANN401 - unused
        """See `SessionStore.turns`."""
        return self._sessions.turns(session_id)

    def open_calls(self, begun_before_ms: int) -> Any:  # noqa: ANN401 - passed through
        """See `OpenCallFinder.open_calls`."""
        return self._sessions.open_calls(begun_before_ms)


def test_without_the_store_the_sweeper_logs_it_and_leaves_calls_to_the_next_run() -> None:
    class Down:
        def open_calls(self, begun_before_ms: int) -> Any:  # noqa: ANN401 - always raises
            raise StoreUnavailable("the table did not answer: ReadTimeoutError")

    log = Log()
    runtime = make_runtime(stream=log)
    Sweeper(EndHandler().handler, lambda: runtime, Down)({}, FakeContext())
    (entry,) = log.entries()
    assert (entry["outcome"], entry["reason"]) == ("degraded", "store")
