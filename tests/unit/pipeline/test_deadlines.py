"""A caller does not wait: whoever answers too late has not answered."""

import signal
import socket
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from aiflow import Call, DtmfReceived, Event, Reply, SessionEnd, UserSpeak, entrypoint
from aiflow.aws_clients import FAULTS, dynamodb_client
from aiflow.errors import DeadlineExceeded, StoreUnavailable
from aiflow.pipeline.time_limits import sigalrm_timeout
from aiflow.sessions.dynamodb import DynamoDbSessionStore
from aiflow.sessions.memory import InMemorySessionStore
from aiflow.sessions.record import SessionRecord
from tests.helpers.bad_bodies import EVENT
from tests.helpers.runtime import (
    Clock,
    FakeContext,
    Limits,
    Log,
    invoke,
    make_runtime,
    make_settings,
)
from tests.helpers.tables import ENVIRONMENT

SHORT = 0.02


def wait_for_ever() -> None:
    """Wait for a peer that says nothing."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.recv(1)


def work_for_ever() -> None:
    """Do nothing, as fast as possible."""
    while True:
        pass


class TestTheAlarm:
    def test_it_wakes_who_waits_for_a_socket(self) -> None:
        with pytest.raises(DeadlineExceeded), sigalrm_timeout(SHORT):
            wait_for_ever()

    def test_it_ends_what_never_waits(self) -> None:
        with pytest.raises(DeadlineExceeded), sigalrm_timeout(SHORT):
            work_for_ever()

    @pytest.mark.parametrize("seconds", [0, -0.5, -1000])
    def test_no_time_left_is_too_late_to_begin(self, seconds: float) -> None:
        done: list[str] = []
        with pytest.raises(DeadlineExceeded), sigalrm_timeout(seconds):
            done.append("began")
        assert done == []

    def test_who_is_in_time_notices_nothing(self) -> None:
        with sigalrm_timeout(60):
            armed = signal.getitimer(signal.ITIMER_REAL)[0]
        assert 0 < armed <= 60
        assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)

    @pytest.mark.parametrize("fault", [ZeroDivisionError, DeadlineExceeded])
    def test_a_fault_in_the_block_leaves_no_alarm_behind(self, fault: type[Exception]) -> None:
        before = signal.getsignal(signal.SIGALRM)
        with pytest.raises(fault), sigalrm_timeout(60):
            raise fault
        assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)
        assert signal.getsignal(signal.SIGALRM) is before

    def test_whoever_handled_the_signal_before_handles_it_again(self) -> None:
        before = signal.getsignal(signal.SIGALRM)
        with sigalrm_timeout(60):
            assert signal.getsignal(signal.SIGALRM) is not before
        assert signal.getsignal(signal.SIGALRM) is before
        with pytest.raises(DeadlineExceeded), sigalrm_timeout(SHORT):
            wait_for_ever()
        assert signal.getsignal(signal.SIGALRM) is before

    def test_it_rings_again_for_whoever_catches_everything(self) -> None:
        caught: list[Exception] = []

        def catch() -> None:
            try:
                wait_for_ever()
            except DeadlineExceeded as error:
                caught.append(error)
            wait_for_ever()

        with pytest.raises(DeadlineExceeded), sigalrm_timeout(SHORT):
            catch()
        assert len(caught) == 1
        assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)

    def test_off_the_main_thread_there_is_no_limit(self) -> None:
        def limited() -> str:
            with sigalrm_timeout(0), sigalrm_timeout(-1):
                return "done"

        with ThreadPoolExecutor(1) as pool:
            assert pool.submit(limited).result() == "done"


class TestTheHandler:
    def test_a_caller_hears_the_apology_when_the_handler_hangs(self) -> None:
        def hang(event: UserSpeak, call: Call) -> Reply:
            call.state["half"] = event.text
            wait_for_ever()
            return "never said"

        clock, log = Clock(), Log()
        sessions = InMemorySessionStore(clock)
        runtime = make_runtime(sessions, clock, stream=log, time_limit=sigalrm_timeout)
        context = FakeContext(remaining_ms=520)  # Half a second of it is ours.

        status, answer = invoke(entrypoint(hang), EVENT, runtime, context=context)

        assert (status, answer["text"]) == (200, runtime.settings.apology_message)
        item = sessions.load("session-123")
        assert item is not None
        assert item.state == {}
        (entry,) = log.entries()
        assert (entry["outcome"], entry["reason"]) == ("degraded", "deadline")
        assert (entry["level"], entry["error"]) == ("ERROR", "DeadlineExceeded")
        assert "wait_for_ever" in str(entry["where"])

    def test_the_next_event_is_answered_as_ever(self) -> None:
        def hang_once(event: DtmfReceived, call: Call) -> Reply:
            if event.digit == "1":
                wait_for_ever()
            return call.speak("Yes?")

        runtime = make_runtime(time_limit=sigalrm_timeout)
        handler = entrypoint(hang_once)
        event = {"type": "dtmf_received", "session": {"id": "session-123"}}
        short = FakeContext(remaining_ms=520)

        first = invoke(handler, {**event, "digit": "1"}, runtime, context=short)
        second = invoke(handler, {**event, "digit": "2"}, runtime)

        assert first.body["text"] == runtime.settings.apology_message
        assert second.body["text"] == "Yes?"

    def test_nobody_waits_for_the_answer_to_an_end(self) -> None:
        def hang(event: SessionEnd, call: Call) -> Reply:
            wait_for_ever()
            return call.speak(event.type)

        event = {"type": "session_end", "session": {"id": "session-123"}}
        runtime = make_runtime(time_limit=sigalrm_timeout)
        context = FakeContext(remaining_ms=520)
        assert invoke(entrypoint(hang), event, runtime, context=context) == (204, None)

    @pytest.mark.parametrize(
        ("deadline_seconds", "remaining_ms", "patience"),
        [
            pytest.param(4, 10_000, 3.7, id="the answer's deadline comes first"),
            pytest.param(25, 10_000, 9.5, id="the end of the function comes first"),
            pytest.param(4, 4_200, 3.7, id="both at once"),
            pytest.param(4, 400, -0.1, id="it is over already"),
        ],
    )
    def test_it_has_as_long_as_the_caller_waits_and_the_function_lives(
        self, deadline_seconds: float, remaining_ms: int, patience: float
    ) -> None:
        limits = Limits()
        settings = make_settings(answer_deadline_seconds=deadline_seconds)
        runtime = make_runtime(settings=settings, time_limit=limits)
        context = FakeContext(remaining_ms=remaining_ms)
        invoke(entrypoint(answer), EVENT, runtime, context=context)
        assert limits.seconds == [patience]

    def test_what_the_store_took_is_taken_from_its_time(self) -> None:
        class SlowSessions(InMemorySessionStore):
            def load(self, session_id: str) -> None:
                del session_id
                clock.advance(1.25)

        clock, limits = Clock(), Limits()
        runtime = make_runtime(SlowSessions(clock), clock, time_limit=limits)
        invoke(entrypoint(answer), EVENT, runtime)
        assert limits.seconds == [2.45]


class TestTheStore:
    def test_an_answer_that_is_not_kept_in_time_becomes_the_apology(self) -> None:
        class SilentSessions(InMemorySessionStore):
            def commit(self, item: SessionRecord) -> None:
                del item
                wait_for_ever()

        log, clock = Log(), Clock()
        settings = make_settings(answer_deadline_seconds=0.5)
        runtime = make_runtime(SilentSessions(clock), clock, settings, log)
        context = FakeContext(remaining_ms=60)
        event = {"type": "dtmf_received", "digit": "1", "session": {"id": "session-123"}}

        runtime = replace(runtime, store_limit=sigalrm_timeout)
        status, body = invoke(entrypoint(answer), event, runtime, context=context)

        assert (status, body["text"]) == (200, settings.apology_message)
        (entry,) = log.entries()
        assert (entry["outcome"], entry["reason"]) == ("degraded", "deadline")

    def test_a_request_to_a_table_that_is_silent_is_not_sent_again_and_waited_for(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with socket.create_server(("127.0.0.1", 0)) as silent:
            endpoint = f"http://127.0.0.1:{silent.getsockname()[1]}"
            for name, value in {**ENVIRONMENT, "AWS_ENDPOINT_URL_DYNAMODB": endpoint}.items():
                monkeypatch.setenv(name, value)
            sessions = DynamoDbSessionStore(dynamodb_client(), "sessions", Clock(), FAULTS)
            with (
                pytest.raises((StoreUnavailable, DeadlineExceeded)) as caught,
                sigalrm_timeout(SHORT),
            ):
                sessions.load("session-123")
        # What ended it is the alarm, and not the patience of botocore.
        assert "ReadTimeoutError" not in str(caught.value)

    @pytest.mark.parametrize(
        ("event", "seconds"),
        [
            pytest.param(EVENT, [3.95, 3.95], id="the caller waits"),
            pytest.param({**EVENT, "type": "session_end"}, [], id="nobody waits"),
        ],
    )
    def test_it_has_as_long_as_somebody_waits(
        self, event: Mapping[str, object], seconds: list[float]
    ) -> None:
        limits = Limits()
        runtime = replace(make_runtime(), store_limit=limits)
        invoke(entrypoint(answer), event, runtime)
        assert limits.seconds == seconds

    def test_what_fails_at_the_deadline_is_kept_in_the_time_that_is_left(self) -> None:
        """The handler is stopped before the deadline, so that what was said can be kept."""

        def hang(event: UserSpeak, call: Call) -> Reply:
            clock.advance(3.7)
            raise DeadlineExceeded(f"{event.type} of {call.session.id}")

        clock, limits = Clock(), Limits()
        runtime = replace(make_runtime(clock=clock), store_limit=limits)
        _, body = invoke(entrypoint(hang), EVENT, runtime)
        assert body["text"] == runtime.settings.apology_message
        assert limits.seconds == [3.95, 0.25, 0.25]
        item = runtime.sessions.load("session-123")
        assert item is not None
        assert [turn.role for turn in item.turns] == ["user", "assistant"]


def answer(event: Event, call: Call) -> Reply:
    """Answer at once."""
    return call.speak(event.type)
