"""The filler message that is sent while a handler is slow."""

import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import pytest

from aiflow import Call, Event, Reply, UserSpeak
from aiflow.errors import StoreUnavailable
from aiflow.pipeline.time_limits import run_if_slow
from aiflow.sessions.memory import InMemorySessionStore
from aiflow.sessions.record import SessionRecord, Status
from tests.helpers.runtime import Clock, invoke, make_settings
from tests.helpers.websocket_in_process import WebSocketCallDriver

APOLOGY = "Sorry, something went wrong. Please say that again."
FILLER = "One moment, please."
NUMBER = "493023125042"
LONG_SECONDS = 3600.0


class ManualFillerTimer:
    """A filler timer that a test fires while the handler runs."""

    def __init__(self) -> None:
        self.seconds: list[float] = []
        self._act: Callable[[], None] | None = None
        self._error: Exception | None = None

    @contextmanager
    def __call__(self, seconds: float, act: Callable[[], None]) -> Generator[None]:
        self.seconds.append(round(seconds, 6))
        self._act = act
        yield
        if self._error:
            raise self._error

    def fire(self) -> None:
        """Act as if the time were over."""
        assert self._act
        try:
            self._act()
        except Exception as error:  # noqa: BLE001 - raised later, as `run_if_slow` does
            self._error = error


@pytest.fixture
def filler_timer() -> ManualFillerTimer:
    return ManualFillerTimer()


class TestMessages:
    def test_a_slow_handler_makes_the_caller_hear_the_filler_and_then_the_answer(
        self, filler_timer: ManualFillerTimer
    ) -> None:
        heard: list[list[str]] = []

        def think(event: Event, call: Call) -> Reply:
            filler_timer.fire()
            heard.append(driver.connections.texts)
            return "The answer."

        driver = WebSocketCallDriver(think, run_if_slow=filler_timer)
        driver.send("user_speak", text="life")
        assert heard == [[FILLER]]
        assert driver.connections.texts == [FILLER, "The answer."]
        assert [turn.text for turn in driver.record.turns] == ["life", FILLER, "The answer."]
        assert (driver.record.open_playbacks, driver.record.stream_owner) == (2, "")

    def test_the_filler_is_stored_before_it_is_sent(self, filler_timer: ManualFillerTimer) -> None:
        stored: list[int] = []

        def think(event: Event, call: Call) -> Reply:
            filler_timer.fire()
            return "The answer."

        driver = WebSocketCallDriver(think, run_if_slow=filler_timer)
        driver.connections.before_send = lambda _: stored.append(len(driver.record.turns))
        driver.send("user_speak", text="life")
        assert stored == [2, 3]

    def test_a_fast_handler_sends_no_filler(self) -> None:
        driver = WebSocketCallDriver(lambda event, call: "At once.", run_if_slow=run_if_slow)
        driver.send("user_speak", text="life")
        assert driver.connections.texts == ["At once."]

    def test_chunks_follow_the_filler_one_by_one(self, filler_timer: ManualFillerTimer) -> None:
        def think(event: Event, call: Call) -> Iterator[Reply]:
            filler_timer.fire()
            yield "One."
            yield "Two."

        driver = WebSocketCallDriver(think, run_if_slow=filler_timer)
        driver.send("user_speak", text="life")
        assert driver.connections.texts == [FILLER, "One.", "Two."]

    def test_a_slow_handler_without_a_reply_sends_only_the_filler(
        self, filler_timer: ManualFillerTimer
    ) -> None:
        def think(event: Event, call: Call) -> Reply:
            call.state["thought"] = True
            filler_timer.fire()
            return None

        driver = WebSocketCallDriver(think, run_if_slow=filler_timer)
        driver.send("user_speak", text="life")
        assert driver.connections.texts == [FILLER]
        assert (driver.record.state, driver.record.stream_owner) == ({"thought": True}, "")

    def test_text_and_delay_of_the_filler_are_settings(
        self, filler_timer: ManualFillerTimer
    ) -> None:
        def think(event: Event, call: Call) -> Reply:
            filler_timer.fire()
            return None

        settings = make_settings(filler_message="Einen Moment, bitte.", filler_after_seconds=1.5)
        driver = WebSocketCallDriver(think, settings=settings, run_if_slow=filler_timer)
        driver.send("user_speak", text="life")
        assert driver.connections.texts == ["Einen Moment, bitte."]
        assert filler_timer.seconds == [1.5]

    def test_a_billable_message_is_sent_once_after_the_filler(
        self, filler_timer: ManualFillerTimer
    ) -> None:
        def think(event: Event, call: Call) -> Reply:
            filler_timer.fire()
            return [call.send_sms(NUMBER, "Hello"), call.speak("Sent.")]

        settings = make_settings(allowed_numbers={NUMBER})
        driver = WebSocketCallDriver(think, settings=settings, run_if_slow=filler_timer)
        driver.send("user_speak", text="text me")
        types = [action["type"] for action in driver.connections.actions]
        assert types == ["speak", "send_sms", "speak"]
        assert driver.record.sms_sent == 1

    def test_a_deferred_action_waits_for_the_filler_and_the_answer(
        self, filler_timer: ManualFillerTimer
    ) -> None:
        def leave(event: Event, call: Call) -> Reply:
            if isinstance(event, UserSpeak):
                filler_timer.fire()
                return call.speak("Goodbye.").then(call.hangup())
            return None

        driver = WebSocketCallDriver(leave, run_if_slow=filler_timer)
        driver.send("user_speak", text="bye")
        driver.clock.advance(5)
        driver.send("assistant_speech_ended")
        assert [action["type"] for action in driver.connections.actions] == ["speak", "speak"]
        driver.send("assistant_speech_ended")
        assert [action["type"] for action in driver.connections.actions] == [
            "speak",
            "speak",
            "hangup",
        ]

    def test_no_filler_text_is_stored_when_transcripts_are_disabled(
        self, filler_timer: ManualFillerTimer
    ) -> None:
        def think(event: Event, call: Call) -> Reply:
            filler_timer.fire()
            return "The answer."

        settings = make_settings(store_transcripts="disabled")
        driver = WebSocketCallDriver(think, settings=settings, run_if_slow=filler_timer)
        driver.send("user_speak", text="life")
        assert driver.connections.texts == [FILLER, "The answer."]
        assert [turn.text for turn in driver.record.turns] == ["", "", ""]


class TestDelay:
    def test_the_delay_counts_from_the_arrival_of_the_event(
        self, filler_timer: ManualFillerTimer
    ) -> None:
        sessions = SlowSessionStore()
        driver = WebSocketCallDriver(
            lambda event, call: "Hello", sessions=sessions, run_if_slow=filler_timer
        )
        sessions.clock = driver.clock
        driver.send("user_speak", text="life")
        driver.send("user_speak", text="once more")
        # The handler has a minimum time before the filler.
        assert filler_timer.seconds == [0.4, 0.2]

    @pytest.mark.parametrize("name", ["assistant_speak", "session_end", "user_speech_started"])
    def test_an_event_that_expects_no_answer_gets_no_filler(
        self, filler_timer: ManualFillerTimer, name: str
    ) -> None:
        driver = WebSocketCallDriver(lambda event, call: "Hello", run_if_slow=filler_timer)
        driver.send(name)
        assert filler_timer.seconds == []

    def test_a_delay_of_zero_disables_the_filler(self, filler_timer: ManualFillerTimer) -> None:
        settings = make_settings(filler_after_seconds=0)
        driver = WebSocketCallDriver(
            lambda e, c: "Hello", settings=settings, run_if_slow=filler_timer
        )
        driver.send("user_speak", text="life")
        assert filler_timer.seconds == []

    def test_over_http_there_is_only_the_handlers_answer(
        self, filler_timer: ManualFillerTimer
    ) -> None:
        driver = WebSocketCallDriver(lambda event, call: "Hello", run_if_slow=filler_timer)
        event = {"type": "user_speak", "text": "life", "session": {"id": driver.session_id}}
        body = invoke(driver.handler, event, driver.runtime).body
        assert body is not None
        assert body["text"] == "Hello"
        assert filler_timer.seconds == []


class TestConcurrentEvents:
    def test_state_written_by_other_events_is_preserved(
        self, filler_timer: ManualFillerTimer
    ) -> None:
        def note(event: Event, call: Call) -> Reply:
            call.state["noted"] = event.type
            return None

        def think(event: Event, call: Call) -> Reply:
            call.state["asked"] = "life"
            filler_timer.fire()
            others.send("assistant_speech_ended")
            call.state["answered"] = "life"
            return "The answer."

        driver = WebSocketCallDriver(think, run_if_slow=filler_timer)
        others = WebSocketCallDriver(note, sessions=driver.runtime.sessions)
        driver.send("user_speak", text="life")
        assert driver.record.state == {
            "asked": "life",
            "answered": "life",
            "noted": "assistant_speech_ended",
        }
        assert driver.connections.texts == [FILLER, "The answer."]

    def test_another_commit_before_the_filler_prevents_it(
        self, filler_timer: ManualFillerTimer
    ) -> None:
        asked: list[str] = []

        def think(event: Event, call: Call) -> Reply:
            asked.append(event.type)
            if len(asked) == 1:
                others.send("assistant_speak")
                filler_timer.fire()
            return "The answer."

        driver = WebSocketCallDriver(think, run_if_slow=filler_timer)
        others = WebSocketCallDriver(lambda event, call: None, sessions=driver.runtime.sessions)
        driver.send("user_speak", text="life")
        assert driver.connections.texts == ["The answer."]
        assert asked == ["user_speak", "user_speak"]

    def test_a_new_turn_of_the_caller_drops_the_answer(
        self, filler_timer: ManualFillerTimer
    ) -> None:
        def think(event: Event, call: Call) -> Reply:
            filler_timer.fire()
            later.send("user_speak", text="never mind")
            return "The answer."

        driver = WebSocketCallDriver(think, run_if_slow=filler_timer)
        later = WebSocketCallDriver(lambda event, call: "Fine.", sessions=driver.runtime.sessions)
        driver.send("user_speak", text="life")
        assert driver.connections.texts == [FILLER]
        assert later.connections.texts == ["Fine."]
        assert driver.outcomes == ["superseded"]

    def test_a_duplicate_after_the_filler_is_detected_and_runs_no_handler(
        self, filler_timer: ManualFillerTimer
    ) -> None:
        asked: list[str] = []

        def think(event: Event, call: Call) -> Reply:
            asked.append(event.type)
            filler_timer.fire()
            driver.send("user_speak", text="life")
            return "The answer."

        driver = WebSocketCallDriver(think, run_if_slow=filler_timer)
        driver.send("user_speak", text="life")
        assert asked == ["user_speak"]
        assert driver.connections.texts == [FILLER, "The answer."]
        assert driver.outcomes == ["duplicate", "answered"]

    def test_a_late_duplicate_is_detected_as_long_as_the_handler_may_run(
        self, filler_timer: ManualFillerTimer
    ) -> None:
        def think(event: Event, call: Call) -> Reply:
            filler_timer.fire()
            driver.clock.advance(4)
            driver.send("user_speak", text="life")
            driver.clock.advance(1)
            later.send("user_speak", text="life")
            return "The answer."

        driver = WebSocketCallDriver(think, run_if_slow=filler_timer)
        later = WebSocketCallDriver(lambda event, call: "Fine.", sessions=driver.runtime.sessions)
        later.clock.advance(5)
        driver.send("user_speak", text="life")
        # No handler runs for five seconds: the invocation must have died.
        assert driver.outcomes == ["duplicate", "superseded"]
        assert later.connections.texts == ["Fine."]


class TestFailures:
    def test_a_handler_that_fails_after_the_filler_leads_to_an_apology(
        self, filler_timer: ManualFillerTimer
    ) -> None:
        def think(event: Event, call: Call) -> Reply:
            filler_timer.fire()
            raise RuntimeError

        driver = WebSocketCallDriver(think, run_if_slow=filler_timer)
        driver.send("user_speak", text="life")
        assert driver.connections.texts == [FILLER, APOLOGY]
        assert (driver.record.consecutive_failures, driver.record.stream_owner) == (1, "")

    def test_the_filler_does_not_reset_the_count_of_failures(
        self, filler_timer: ManualFillerTimer
    ) -> None:
        def think(event: Event, call: Call) -> Reply:
            filler_timer.fire()
            if "right" in getattr(event, "text", ""):
                return "The answer."
            raise RuntimeError

        driver = WebSocketCallDriver(think, run_if_slow=filler_timer)
        driver.send("user_speak", text="life")
        driver.send("user_speak", text="and the universe")
        assert driver.record.consecutive_failures == 2
        driver.send("user_speak", text="all right")
        assert driver.record.consecutive_failures == 0

    def test_a_closed_connection_gets_neither_filler_nor_answer(
        self, filler_timer: ManualFillerTimer
    ) -> None:
        def think(event: Event, call: Call) -> Reply:
            driver.connections.gone.add("connection-1")
            filler_timer.fire()
            return "The answer."

        driver = WebSocketCallDriver(think, run_if_slow=filler_timer)
        driver.send("user_speak", text="life")
        assert driver.connections.texts == []
        assert driver.outcomes == ["gone"]
        assert driver.record.status is Status.GONE

    def test_a_store_failure_at_the_filler_leads_to_an_apology(
        self, filler_timer: ManualFillerTimer
    ) -> None:
        def think(event: Event, call: Call) -> Reply:
            sessions.is_down = True
            filler_timer.fire()
            sessions.is_down = False
            return "The answer."

        sessions = FailingSessionStore()
        driver = WebSocketCallDriver(think, sessions=sessions, run_if_slow=filler_timer)
        driver.send("user_speak", text="life")
        # The stored version is unknown, so the answer is not committed.
        assert driver.connections.texts == [APOLOGY]
        assert driver.log.entries()[0]["reason"] == "store"


class TestTelemetry:
    def test_the_filler_is_counted_and_ends_the_answer_time(
        self, filler_timer: ManualFillerTimer
    ) -> None:
        def think(event: Event, call: Call) -> Reply:
            driver.clock.advance(1)
            filler_timer.fire()
            driver.clock.advance(2)
            return "The answer."

        driver = WebSocketCallDriver(think, run_if_slow=filler_timer)
        driver.send("user_speak", text="life")
        (entry,), (blob,) = driver.log.entries(), driver.log.metrics()
        assert entry["actions"] == ["speak", "speak"]
        assert (entry["answered_ms"], entry["handler_ms"]) == (1000, 3000)
        assert (blob["Filler"], blob["AnswerMs"]) == ([1], [pytest.approx(1000)])


class TestRunIfSlow:
    def test_the_action_runs_while_the_block_goes_on(self) -> None:
        is_done = threading.Event()
        with run_if_slow(0, is_done.set):
            assert is_done.wait(LONG_SECONDS)

    def test_the_action_does_not_run_after_a_fast_block(self) -> None:
        done: list[str] = []
        with run_if_slow(LONG_SECONDS, lambda: done.append("too late")):
            pass
        assert done == []

    def test_leaving_the_block_waits_for_a_running_action(self) -> None:
        before, began, done = threading.active_count(), threading.Event(), list[str]()

        def act() -> None:
            began.set()
            done.append("said")

        with run_if_slow(0, act):
            began.wait(LONG_SECONDS)
        assert done == ["said"]
        assert threading.active_count() == before

    def test_the_action_runs_in_the_context_of_the_block(self) -> None:
        name, seen, is_done = ContextVar[str]("name"), list[str](), threading.Event()
        name.set("the invocation")

        def act() -> None:
            seen.append(name.get("unset"))
            is_done.set()

        with run_if_slow(0, act):
            assert is_done.wait(LONG_SECONDS)
        assert seen == ["the invocation"]

    def test_an_error_of_the_action_is_raised_at_the_end_of_the_block(self) -> None:
        began = threading.Event()

        def act() -> None:
            began.set()
            raise StoreUnavailable("the table does not answer")

        with pytest.raises(StoreUnavailable), run_if_slow(0, act):
            assert began.wait(LONG_SECONDS)

    def test_an_error_of_the_block_takes_precedence(self) -> None:
        began = threading.Event()

        def act() -> None:
            began.set()
            raise StoreUnavailable("the table does not answer")

        def fail() -> None:
            assert began.wait(LONG_SECONDS)
            raise KeyError("the handler")

        with pytest.raises(KeyError), run_if_slow(0, act):
            fail()


class SlowSessionStore(InMemorySessionStore):
    """A store whose first load takes half a second, and each further load three times as long."""

    def __init__(self) -> None:
        self.clock = Clock()
        self._seconds = 0.5
        super().__init__(lambda: self.clock.seconds)

    def load(self, session_id: str) -> SessionRecord | None:
        """See `SessionStore.load`."""
        self.clock.advance(self._seconds)
        self._seconds *= 3
        return super().load(session_id)


class FailingSessionStore(InMemorySessionStore):
    """A store that rejects commits while it is down."""

    def __init__(self) -> None:
        self.is_down = False
        super().__init__(Clock())

    def commit(self, record: SessionRecord) -> None:
        """See `SessionStore.commit`."""
        if self.is_down:
            raise StoreUnavailable("the table does not answer")
        super().commit(record)
