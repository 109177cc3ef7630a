"""Time limits: an answer that comes too late is replaced by the apology."""

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
    Log,
    RecordingTimeLimit,
    invoke,
    make_runtime,
    make_settings,
)
from tests.helpers.tables import ENVIRONMENT

SHORT = 0.02


def wait_forever() -> None:
    """Wait for a peer that sends nothing."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.recv(1)


def work_forever() -> None:
    """Keep the processor busy."""
    while True:
        pass


class TestSigalrmTimeout:
    def test_it_interrupts_a_blocking_socket_read(self) -> None:
        with pytest.raises(DeadlineExceeded), sigalrm_timeout(SHORT):
            wait_forever()

    def test_it_interrupts_a_busy_loop(self) -> None:
        with pytest.raises(DeadlineExceeded), sigalrm_timeout(SHORT):
            work_forever()

    @pytest.mark.parametrize("seconds", [0, -0.5, -1000])
    def test_without_time_left_the_block_does_not_start(self, seconds: float) -> None:
        done: list[str] = []
        with pytest.raises(DeadlineExceeded), sigalrm_timeout(seconds):
            done.append("began")
        assert done == []

    def test_a_block_that_ends_in_time_is_not_interrupted(self) -> None:
        with sigalrm_timeout(60):
            armed = signal.getitimer(signal.ITIMER_REAL)[0]
        assert 0 < armed <= 60
        assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)

    @pytest.mark.parametrize("fault", [ZeroDivisionError, DeadlineExceeded])
    def test_an_error_in_the_block_leaves_no_alarm_behind(self, fault: type[Exception]) -> None:
        before = signal.getsignal(signal.SIGALRM)
        with pytest.raises(fault), sigalrm_timeout(60):
            raise fault
        assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)
        assert signal.getsignal(signal.SIGALRM) is before

    def test_the_previous_signal_handler_is_restored(self) -> None:
        before = signal.getsignal(signal.SIGALRM)
        with sigalrm_timeout(60):
            assert signal.getsignal(signal.SIGALRM) is not before
        assert signal.getsignal(signal.SIGALRM) is before
        with pytest.raises(DeadlineExceeded), sigalrm_timeout(SHORT):
            wait_forever()
        assert signal.getsignal(signal.SIGALRM) is before

    def test_it_interrupts_again_when_the_block_catches_the_error(self) -> None:
        caught: list[Exception] = []

        def catch() -> None:
            try:
                wait_forever()
            except DeadlineExceeded as error:
                caught.append(error)
            wait_forever()

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


class TestHandlerTimeout:
    def test_the_caller_hears_the_apology_when_the_handler_hangs(self) -> None:
        def hang(event: UserSpeak, call: Call) -> Reply:
            call.state["half"] = event.text
            wait_forever()
            return "never said"

        clock, log = Clock(), Log()
        sessions = InMemorySessionStore(clock)
        runtime = make_runtime(sessions, clock, stream=log, time_limit=sigalrm_timeout)
        context = FakeContext(remaining_ms=520)  # Half a second is reserved.

        status, answer = invoke(entrypoint(hang), EVENT, runtime, context=context)

        assert (status, answer["text"]) == (200, runtime.settings.apology_message)
        item = sessions.load("session-123")
        assert item is not None
        assert item.state == {}
        (entry,) = log.entries()
        assert (entry["outcome"], entry["reason"]) == ("degraded", "deadline")
        assert (entry["level"], entry["error"]) == ("ERROR", "DeadlineExceeded")
        assert "wait_forever" in str(entry["where"])

    def test_the_next_event_is_answered_normally(self) -> None:
        def hang_once(event: DtmfReceived, call: Call) -> Reply:
            if event.digit == "1":
                wait_forever()
            return call.speak("Yes?")

        runtime = make_runtime(time_limit=sigalrm_timeout)
        handler = entrypoint(hang_once)
        event = {"type": "dtmf_received", "session": {"id": "session-123"}}
        short = FakeContext(remaining_ms=520)

        first = invoke(handler, {**event, "digit": "1"}, runtime, context=short)
        second = invoke(handler, {**event, "digit": "2"}, runtime)

        assert first.body["text"] == runtime.settings.apology_message
        assert second.body["text"] == "Yes?"

    def test_a_hanging_session_end_handler_still_gets_204(self) -> None:
        def hang(event: SessionEnd, call: Call) -> Reply:
            wait_forever()
            return call.speak(event.type)

        event = {"type": "session_end", "session": {"id": "session-123"}}
        runtime = make_runtime(time_limit=sigalrm_timeout)
        context = FakeContext(remaining_ms=520)
        assert invoke(entrypoint(hang), event, runtime, context=context) == (204, None)

    @pytest.mark.parametrize(
        ("deadline_seconds", "remaining_ms", "timeout"),
        [
            pytest.param(4, 10_000, 3.7, id="the answer's deadline comes first"),
            pytest.param(25, 10_000, 9.5, id="the end of the function comes first"),
            pytest.param(4, 4_200, 3.7, id="both at once"),
            pytest.param(4, 400, -0.1, id="the time is over already"),
        ],
    )
    def test_the_timeout_is_the_earlier_of_answer_deadline_and_function_timeout(
        self, deadline_seconds: float, remaining_ms: int, timeout: float
    ) -> None:
        limits = RecordingTimeLimit()
        settings = make_settings(answer_deadline_seconds=deadline_seconds)
        runtime = make_runtime(settings=settings, time_limit=limits)
        context = FakeContext(remaining_ms=remaining_ms)
        invoke(entrypoint(answer), EVENT, runtime, context=context)
        assert limits.seconds == [timeout]

    def test_time_spent_in_the_store_is_subtracted(self) -> None:
        class SlowSessionStore(InMemorySessionStore):
            def load(self, session_id: str) -> None:
                del session_id
                clock.advance(1.25)

        clock, limits = Clock(), RecordingTimeLimit()
        runtime = make_runtime(SlowSessionStore(clock), clock, time_limit=limits)
        invoke(entrypoint(answer), EVENT, runtime)
        assert limits.seconds == [2.45]


class TestStoreTimeout:
    def test_an_answer_that_is_not_stored_in_time_becomes_the_apology(self) -> None:
        class SilentSessions(InMemorySessionStore):
            def commit(self, record: SessionRecord) -> None:
                del record
                wait_forever()

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

    def test_a_request_to_an_unresponsive_table_is_interrupted_without_a_retry(
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
        # The alarm ended it, not a timeout of botocore.
        assert "ReadTimeoutError" not in str(caught.value)

    @pytest.mark.parametrize(
        ("event", "seconds"),
        [
            pytest.param(EVENT, [3.95, 3.95], id="an answer is expected"),
            pytest.param({**EVENT, "type": "session_end"}, [], id="no answer is expected"),
        ],
    )
    def test_store_calls_are_limited_only_while_an_answer_is_expected(
        self, event: Mapping[str, object], seconds: list[float]
    ) -> None:
        limits = RecordingTimeLimit()
        runtime = replace(make_runtime(), store_limit=limits)
        invoke(entrypoint(answer), event, runtime)
        assert limits.seconds == seconds

    def test_a_handler_failure_at_the_deadline_is_stored_in_the_time_left(self) -> None:
        """The handler is stopped before the deadline, which leaves time for a commit."""

        def hang(event: UserSpeak, call: Call) -> Reply:
            clock.advance(3.7)
            raise DeadlineExceeded(f"{event.type} of {call.session.id}")

        clock, limits = Clock(), RecordingTimeLimit()
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
