"""Abandoned calls: found by their index, closed once, whoever is first."""

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
from tests.helpers.tables import Calls, Table

if TYPE_CHECKING:
    from aiflow.pipeline.runtime import Runtime
    from tests.contract.conftest import Sessions

NOW_MS = int(NOW * 1000)
ABANDONED = 1800
ENDED = {"type": "session_end"}


def begun(session_id: str, at_ms: int, status: Status = Status.ACTIVE) -> SessionRecord:
    item = SessionRecord(session_id=session_id, first_event_at_ms=at_ms, status=status)
    return item.next_version("somebody", EXPIRES_AT)


class Aftercare:
    """A handler of `session_end` that notes for which calls it ran."""

    def __init__(self, meanwhile: Callable[[], object] = lambda: None) -> None:
        self.ran: list[str] = []
        self._meanwhile = meanwhile

    @property
    def handler(self) -> Entrypoint:
        """The handler, on the road."""

        def handle(event: SessionEnd, call: Call) -> Reply:
            self.ran.append(call.session.id)
            call.state["outcome"] = "closed"
            self._meanwhile()
            return None

        return entrypoint(handle)


class Stack:
    """Calls on a clock, a sweeper over them, and a log."""

    def __init__(self, sessions: "Sessions", clock: Clock, aftercare: Aftercare) -> None:
        self.clock, self.sessions, self.aftercare = clock, sessions, aftercare
        self.log = Log()
        self.runtime: Runtime = make_runtime(sessions, clock, stream=self.log)

    def send(self, name: str, session_id: str = "session-1", **members: object) -> Any:  # noqa: ANN401 - JSON
        """Send an event of a call to the agent; its end to the aftercare."""
        handler = self.aftercare.handler if name == "session_end" else webhook.lambda_handler
        event = {"type": name, "session": {"id": session_id}, **members}
        return invoke(handler, event, self.runtime).body

    def sweep(self, remaining_ms: int = 28_000) -> None:
        """Let the schedule come round."""
        calls = Sweeper(self.aftercare.handler, lambda: self.runtime, lambda: self.sessions)
        calls({}, FakeContext(remaining_ms=remaining_ms))

    def item(self, session_id: str = "session-1") -> SessionRecord:
        """What is kept of a call."""
        item = self.sessions.load(session_id)
        assert item is not None
        return item

    @property
    def expired(self) -> int:
        """How many calls were counted as expired."""
        return sum(blob.get("AbandonedCalls", [0])[0] for blob in self.log.metrics())

    @property
    def told(self) -> list[dict[str, Any]]:
        """What was told of whole calls."""
        return [entry["call"] for entry in self.log.entries() if "call" in entry]


@pytest.fixture
def stack(sessions: "Sessions", clock: Clock) -> Stack:
    return Stack(sessions, clock, Aftercare())


class TestFindingThem:
    def test_those_that_began_before_and_have_not_ended_are_found_oldest_first(
        self, sessions: "Sessions"
    ) -> None:
        for name, age, status in (
            ("b", 200, Status.ACTIVE),
            ("a", 300, Status.TRANSFERRING),
            ("c", 100, Status.GONE),
            ("young", 0, Status.ACTIVE),
            ("ended", 300, Status.ENDED),
        ):
            sessions.commit(begun(name, NOW_MS - age, status))
        assert list(sessions.open_calls(NOW_MS)) == ["a", "b", "c"]

    def test_whoever_ends_is_found_no_more(self, sessions: "Sessions") -> None:
        item = begun("session-1", NOW_MS - 1)
        sessions.commit(item)
        assert list(sessions.open_calls(NOW_MS)) == ["session-1"]
        ended = replace(item, status=Status.ENDED).next_version("somebody", EXPIRES_AT)
        sessions.commit(ended)
        assert list(sessions.open_calls(NOW_MS)) == []
        assert sessions.load("session-1") == ended

    def test_many_of_them_are_found(self, sessions: "Sessions") -> None:
        for number in range(60):
            sessions.commit(begun(f"session-{number}", number))
        assert len([*sessions.open_calls(NOW_MS)]) == 60

    def test_the_index_holds_keys_that_no_event_changes(self, table: Table, clock: Clock) -> None:
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


class TestClosingThem:
    def test_a_quiet_call_is_closed_once_and_its_handler_runs_once(self, stack: Stack) -> None:
        stack.send("session_start")
        stack.clock.advance(ABANDONED)
        for _ in range(3):
            stack.sweep()
        assert stack.aftercare.ran == ["session-1"]
        assert stack.item().status is Status.ENDED
        assert stack.item().state == {"outcome": "closed"}
        assert stack.expired == 1

    def test_it_is_told_once_as_abandoned_and_as_long_as_somebody_was_there(
        self, stack: Stack
    ) -> None:
        stack.send("session_start")
        stack.clock.advance(40)
        stack.send("user_speak", text="Hello?")
        stack.clock.advance(ABANDONED)
        for _ in range(2):
            stack.sweep()
        stack.send("session_end")
        assert stack.told == [
            {
                "outcome": "abandoned",
                "seconds": 40.0,
                "turns": 1,
                "interruptions": 0,
                "silences": 0,
            }
        ]

    def test_an_end_that_comes_late_does_not_run_it_again(self, stack: Stack) -> None:
        stack.send("session_start")
        stack.clock.advance(ABANDONED)
        stack.sweep()
        stack.send("session_end")
        assert stack.aftercare.ran == ["session-1"]
        assert stack.log.entries()[-1]["outcome"] == "late"

    def test_a_call_in_which_something_happened_goes_on(self, stack: Stack) -> None:
        stack.send("session_start")
        stack.clock.advance(ABANDONED - 1)
        stack.send("user_speak", text="Hello?")
        stack.clock.advance(ABANDONED - 1)
        stack.sweep()
        assert stack.aftercare.ran == []
        assert stack.item().status is Status.ACTIVE

    def test_a_call_that_ended_in_time_is_left_alone(self, stack: Stack) -> None:
        stack.send("session_start")
        stack.send("session_end")
        stack.clock.advance(ABANDONED)
        stack.sweep()
        assert stack.aftercare.ran == ["session-1"]
        assert stack.expired == 0

    def test_after_the_sweep_every_event_comes_too_late(self, stack: Stack) -> None:
        stack.send("session_start")
        stack.clock.advance(ABANDONED)
        stack.sweep()
        assert stack.send("user_speak", text="Hello?") is None

    def test_a_transferred_call_whose_end_is_not_reported_is_closed(self, stack: Stack) -> None:
        stack.sessions.commit(begun("session-1", NOW_MS, Status.TRANSFERRING))
        stack.clock.advance(ABANDONED)
        stack.sweep()
        assert stack.aftercare.ran == ["session-1"]

    def test_a_handler_that_fails_keeps_neither_its_call_nor_the_others_open(
        self, sessions: "Sessions", clock: Clock
    ) -> None:
        def fail() -> None:
            raise ZeroDivisionError

        stack = Stack(sessions, clock, Aftercare(fail))
        stack.send("session_start", "session-1")
        stack.send("session_start", "session-2")
        clock.advance(ABANDONED)
        stack.sweep()
        stack.sweep()
        assert sorted(stack.aftercare.ran) == ["session-1", "session-2"]
        assert {stack.item(name).status for name in stack.aftercare.ran} == {Status.ENDED}

    def test_what_there_is_no_time_for_is_left_to_the_next_run(self, stack: Stack) -> None:
        stack.send("session_start")
        stack.clock.advance(ABANDONED)
        stack.sweep(remaining_ms=4_900)
        assert stack.aftercare.ran == []
        stack.sweep()
        assert stack.aftercare.ran == ["session-1"]


class TestWhoeverIsFirst:
    """The end is reported at the very moment that the sweeper looks."""

    def test_an_end_that_arrives_while_the_sweeper_closes_finds_it_closed(
        self, sessions: "Sessions", clock: Clock
    ) -> None:
        here = Stack(sessions, clock, Aftercare(lambda: here.send("session_end")))
        here.send("session_start")
        clock.advance(ABANDONED)
        here.sweep()
        assert here.aftercare.ran == ["session-1"]
        assert [call["outcome"] for call in here.told] == ["abandoned"]

    @pytest.mark.parametrize("early", [0, 59])
    def test_a_sweep_while_the_end_is_handled_finds_it_closed(
        self, sessions: "Sessions", clock: Clock, early: int
    ) -> None:
        """Even when the handler was still young and the call becomes old meanwhile."""

        def meanwhile() -> None:
            clock.advance(early)
            here.sweep()

        here = Stack(sessions, clock, Aftercare(meanwhile))
        here.send("session_start")
        clock.advance(ABANDONED - early)
        here.send("session_end")
        assert [call["outcome"] for call in here.told] == ["finished"]
        assert here.aftercare.ran == ["session-1"]
        assert here.item().state == {"outcome": "closed"}
        assert here.expired == 0

    def test_whoever_speaks_while_the_sweeper_looks_keeps_the_call(
        self, sessions: "Sessions", clock: Clock
    ) -> None:
        stack = Stack(sessions, clock, Aftercare())
        stack.send("session_start")
        loaded = stack.item()
        clock.advance(ABANDONED)
        stack.send("user_speak", text="Hello?")
        runtime = stack.runtime
        context = FakeContext()
        from_the_sweeper = Sweeper(
            stack.aftercare.handler, lambda: runtime, lambda: Stale(sessions, loaded)
        )
        from_the_sweeper.bind(
            replace(runtime, sessions=Stale(sessions, loaded)), Stale(sessions, loaded)
        )({}, context)
        assert stack.aftercare.ran == []
        assert stack.item().status is Status.ACTIVE
        assert stack.expired == 0

    def test_an_end_in_time_costs_one_read_and_one_write_and_a_late_one_a_write_more(
        self, table: Table, clock: Clock
    ) -> None:
        runtime = make_runtime(table.sessions, clock)
        aftercare = Aftercare()
        for session_id, quiet, writes in (("in-time", 10, 1), ("late", ABANDONED, 2)):
            session = {"id": session_id}
            start = {"type": "session_start", "session": session}
            invoke(webhook.lambda_handler, start, runtime)
            clock.advance(quiet)
            calls = Calls.of(table.client)
            invoke(aftercare.handler, {**ENDED, "session": session}, runtime)
            assert calls.counted() == {"GetItem": 1, "UpdateItem": writes}


class Stale:
    """Sessions that are read as they were before somebody else wrote, and written as they are."""

    def __init__(self, sessions: "Sessions", loaded: SessionRecord) -> None:
        self._sessions, self._loaded = sessions, loaded

    def load(self, session_id: str) -> SessionRecord | None:
        """See `SessionStore.load`."""
        return self._loaded

    def commit(self, item: SessionRecord) -> None:
        """See `SessionStore.commit`."""
        self._sessions.commit(item)

    def turns(self, session_id: str) -> Any:  # noqa: ANN401 - not asked for
        """See `SessionStore.turns`."""
        return self._sessions.turns(session_id)

    def open_calls(self, begun_before_ms: int) -> Any:  # noqa: ANN401 - as it comes
        """See `OpenCalls.open_calls`."""
        return self._sessions.open_calls(begun_before_ms)


def test_without_the_store_the_sweeper_says_so_and_tries_again_next_time() -> None:
    class Down:
        def open_calls(self, begun_before_ms: int) -> Any:  # noqa: ANN401 - it never comes
            raise StoreUnavailable("the table did not answer: ReadTimeoutError")

    log = Log()
    runtime = make_runtime(stream=log)
    Sweeper(Aftercare().handler, lambda: runtime, Down)({}, FakeContext())
    (entry,) = log.entries()
    assert (entry["outcome"], entry["reason"]) == ("degraded", "store")
