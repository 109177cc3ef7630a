"""What is said while a handler thinks: "one moment", once, and then the answer."""

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
from tests.helpers.websocket_in_process import WebSocketLine

APOLOGY = "Sorry, something went wrong. Please say that again."
FILLER = "One moment, please."
NUMBER = "493023125042"
LONG_SECONDS = 3600.0


class Patience:
    """Ends when a test says so, while the handler thinks."""

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

    def ends(self) -> None:
        """Let the handler have thought for too long."""
        assert self._act
        try:
            self._act()
        except Exception as error:  # noqa: BLE001 - raised later, as the real one does
            self._error = error


@pytest.fixture
def patience() -> Patience:
    return Patience()


class TestWhatIsSaid:
    def test_who_waits_hears_that_it_takes_a_moment_and_then_the_answer(
        self, patience: Patience
    ) -> None:
        heard: list[list[str]] = []

        def think(event: Event, call: Call) -> Reply:
            patience.ends()
            heard.append(line.mailbox.texts)
            return "The answer."

        line = WebSocketLine(think, run_if_slow=patience)
        line.send("user_speak", text="life")
        assert heard == [[FILLER]]
        assert line.mailbox.texts == [FILLER, "The answer."]
        assert [turn.text for turn in line.item.turns] == ["life", FILLER, "The answer."]
        assert (line.item.open_playbacks, line.item.stream_owner) == (2, "")

    def test_it_is_kept_before_it_is_said(self, patience: Patience) -> None:
        kept: list[int] = []

        def think(event: Event, call: Call) -> Reply:
            patience.ends()
            return "The answer."

        line = WebSocketLine(think, run_if_slow=patience)
        line.mailbox.meanwhile = lambda _: kept.append(len(line.item.turns))
        line.send("user_speak", text="life")
        assert kept == [2, 3]

    def test_whoever_answers_in_time_says_nothing_else(self) -> None:
        line = WebSocketLine(lambda event, call: "At once.", run_if_slow=run_if_slow)
        line.send("user_speak", text="life")
        assert line.mailbox.texts == ["At once."]

    def test_pieces_follow_it_one_by_one(self, patience: Patience) -> None:
        def think(event: Event, call: Call) -> Iterator[Reply]:
            patience.ends()
            yield "One."
            yield "Two."

        line = WebSocketLine(think, run_if_slow=patience)
        line.send("user_speak", text="life")
        assert line.mailbox.texts == [FILLER, "One.", "Two."]

    def test_a_handler_that_has_nothing_to_say_after_all_leaves_it_at_that(
        self, patience: Patience
    ) -> None:
        def think(event: Event, call: Call) -> Reply:
            call.state["thought"] = True
            patience.ends()
            return None

        line = WebSocketLine(think, run_if_slow=patience)
        line.send("user_speak", text="life")
        assert line.mailbox.texts == [FILLER]
        assert (line.item.state, line.item.stream_owner) == ({"thought": True}, "")

    def test_the_operator_says_what_is_said_and_when(self, patience: Patience) -> None:
        def think(event: Event, call: Call) -> Reply:
            patience.ends()
            return None

        settings = make_settings(filler_message="Einen Moment, bitte.", filler_after_seconds=1.5)
        line = WebSocketLine(think, settings=settings, run_if_slow=patience)
        line.send("user_speak", text="life")
        assert line.mailbox.texts == ["Einen Moment, bitte."]
        assert patience.seconds == [1.5]

    def test_a_message_that_costs_money_goes_out_once_after_it(self, patience: Patience) -> None:
        def think(event: Event, call: Call) -> Reply:
            patience.ends()
            return [call.send_sms(NUMBER, "Hello"), call.speak("Sent.")]

        settings = make_settings(allowed_numbers={NUMBER})
        line = WebSocketLine(think, settings=settings, run_if_slow=patience)
        line.send("user_speak", text="text me")
        types = [action["type"] for action in line.mailbox.actions]
        assert types == ["speak", "send_sms", "speak"]
        assert line.item.sms_sent == 1

    def test_what_follows_a_playback_waits_for_both(self, patience: Patience) -> None:
        def leave(event: Event, call: Call) -> Reply:
            if isinstance(event, UserSpeak):
                patience.ends()
                return call.speak("Goodbye.").then(call.hangup())
            return None

        line = WebSocketLine(leave, run_if_slow=patience)
        line.send("user_speak", text="bye")
        line.clock.advance(5)
        line.send("assistant_speech_ended")
        assert [action["type"] for action in line.mailbox.actions] == ["speak", "speak"]
        line.send("assistant_speech_ended")
        assert [action["type"] for action in line.mailbox.actions] == ["speak", "speak", "hangup"]

    def test_no_word_of_it_is_kept_where_none_are(self, patience: Patience) -> None:
        def think(event: Event, call: Call) -> Reply:
            patience.ends()
            return "The answer."

        settings = make_settings(store_transcripts="disabled")
        line = WebSocketLine(think, settings=settings, run_if_slow=patience)
        line.send("user_speak", text="life")
        assert line.mailbox.texts == [FILLER, "The answer."]
        assert [turn.text for turn in line.item.turns] == ["", "", ""]


class TestWhen:
    def test_the_caller_waits_from_the_arrival_on(self, patience: Patience) -> None:
        sessions = SlowSessions()
        line = WebSocketLine(lambda event, call: "Hello", sessions=sessions, run_if_slow=patience)
        sessions.clock = line.clock
        line.send("user_speak", text="life")
        line.send("user_speak", text="once more")
        # A handler has a moment in any case.
        assert patience.seconds == [0.4, 0.2]

    @pytest.mark.parametrize("name", ["assistant_speak", "session_end", "user_speech_started"])
    def test_nothing_is_said_where_nobody_waits(self, patience: Patience, name: str) -> None:
        line = WebSocketLine(lambda event, call: "Hello", run_if_slow=patience)
        line.send(name)
        assert patience.seconds == []

    def test_nothing_is_said_where_the_operator_wants_none(self, patience: Patience) -> None:
        settings = make_settings(filler_after_seconds=0)
        line = WebSocketLine(lambda e, c: "Hello", settings=settings, run_if_slow=patience)
        line.send("user_speak", text="life")
        assert patience.seconds == []

    def test_over_http_there_is_one_answer_and_it_is_the_handlers(self, patience: Patience) -> None:
        line = WebSocketLine(lambda event, call: "Hello", run_if_slow=patience)
        event = {"type": "user_speak", "text": "life", "session": {"id": line.session_id}}
        body = invoke(line.handler, event, line.runtime).body
        assert body is not None
        assert body["text"] == "Hello"
        assert patience.seconds == []


class TestOthersMeanwhile:
    def test_what_they_keep_in_the_state_stays(self, patience: Patience) -> None:
        def note(event: Event, call: Call) -> Reply:
            call.state["noted"] = event.type
            return None

        def think(event: Event, call: Call) -> Reply:
            call.state["asked"] = "life"
            patience.ends()
            others.send("assistant_speech_ended")
            call.state["answered"] = "life"
            return "The answer."

        line = WebSocketLine(think, run_if_slow=patience)
        others = WebSocketLine(note, sessions=line.runtime.sessions)
        line.send("user_speak", text="life")
        assert line.item.state == {
            "asked": "life",
            "answered": "life",
            "noted": "assistant_speech_ended",
        }
        assert line.mailbox.texts == [FILLER, "The answer."]

    def test_who_was_faster_to_commit_keeps_it_from_being_said(self, patience: Patience) -> None:
        asked: list[str] = []

        def think(event: Event, call: Call) -> Reply:
            asked.append(event.type)
            if len(asked) == 1:
                others.send("assistant_speak")
                patience.ends()
            return "The answer."

        line = WebSocketLine(think, run_if_slow=patience)
        others = WebSocketLine(lambda event, call: None, sessions=line.runtime.sessions)
        line.send("user_speak", text="life")
        assert line.mailbox.texts == ["The answer."]
        assert asked == ["user_speak", "user_speak"]

    def test_what_the_caller_says_meanwhile_drops_the_answer(self, patience: Patience) -> None:
        def think(event: Event, call: Call) -> Reply:
            patience.ends()
            later.send("user_speak", text="never mind")
            return "The answer."

        line = WebSocketLine(think, run_if_slow=patience)
        later = WebSocketLine(lambda event, call: "Fine.", sessions=line.runtime.sessions)
        line.send("user_speak", text="life")
        assert line.mailbox.texts == [FILLER]
        assert later.mailbox.texts == ["Fine."]
        assert line.outcomes == ["superseded"]

    def test_a_repetition_meanwhile_is_one_and_asks_no_handler(self, patience: Patience) -> None:
        asked: list[str] = []

        def think(event: Event, call: Call) -> Reply:
            asked.append(event.type)
            patience.ends()
            line.send("user_speak", text="life")
            return "The answer."

        line = WebSocketLine(think, run_if_slow=patience)
        line.send("user_speak", text="life")
        assert asked == ["user_speak"]
        assert line.mailbox.texts == [FILLER, "The answer."]
        assert line.outcomes == ["duplicate", "answered"]

    def test_a_repetition_that_comes_late_is_one_as_long_as_the_handler_thinks(
        self, patience: Patience
    ) -> None:
        def think(event: Event, call: Call) -> Reply:
            patience.ends()
            line.clock.advance(4)
            line.send("user_speak", text="life")
            line.clock.advance(1)
            later.send("user_speak", text="life")
            return "The answer."

        line = WebSocketLine(think, run_if_slow=patience)
        later = WebSocketLine(lambda event, call: "Fine.", sessions=line.runtime.sessions)
        later.clock.advance(5)
        line.send("user_speak", text="life")
        # Nobody thinks for five seconds: whoever said it must have died.
        assert line.outcomes == ["duplicate", "superseded"]
        assert later.mailbox.texts == ["Fine."]


class TestFailures:
    def test_a_handler_that_fails_after_it_is_an_apology(self, patience: Patience) -> None:
        def think(event: Event, call: Call) -> Reply:
            patience.ends()
            raise RuntimeError

        line = WebSocketLine(think, run_if_slow=patience)
        line.send("user_speak", text="life")
        assert line.mailbox.texts == [FILLER, APOLOGY]
        assert (line.item.consecutive_failures, line.item.stream_owner) == (1, "")

    def test_it_is_no_answer_that_begins_the_count_of_apologies_anew(
        self, patience: Patience
    ) -> None:
        def think(event: Event, call: Call) -> Reply:
            patience.ends()
            if "right" in getattr(event, "text", ""):
                return "The answer."
            raise RuntimeError

        line = WebSocketLine(think, run_if_slow=patience)
        line.send("user_speak", text="life")
        line.send("user_speak", text="and the universe")
        assert line.item.consecutive_failures == 2
        line.send("user_speak", text="all right")
        assert line.item.consecutive_failures == 0

    def test_whoever_is_gone_hears_neither(self, patience: Patience) -> None:
        def think(event: Event, call: Call) -> Reply:
            line.mailbox.gone.add("connection-1")
            patience.ends()
            return "The answer."

        line = WebSocketLine(think, run_if_slow=patience)
        line.send("user_speak", text="life")
        assert line.mailbox.texts == []
        assert line.outcomes == ["gone"]
        assert line.item.status is Status.GONE

    def test_a_store_that_fails_meanwhile_is_an_apology(self, patience: Patience) -> None:
        def think(event: Event, call: Call) -> Reply:
            sessions.is_down = True
            patience.ends()
            sessions.is_down = False
            return "The answer."

        sessions = FailingSessions()
        line = WebSocketLine(think, sessions=sessions, run_if_slow=patience)
        line.send("user_speak", text="life")
        # Nobody knows what is kept: so nothing is written on top of it.
        assert line.mailbox.texts == [APOLOGY]
        assert line.log.entries()[0]["reason"] == "store"


class TestWhatIsToldOfIt:
    def test_it_is_counted_and_is_what_the_caller_waited_for(self, patience: Patience) -> None:
        def think(event: Event, call: Call) -> Reply:
            line.clock.advance(1)
            patience.ends()
            line.clock.advance(2)
            return "The answer."

        line = WebSocketLine(think, run_if_slow=patience)
        line.send("user_speak", text="life")
        (entry,), (blob,) = line.log.entries(), line.log.metrics()
        assert entry["actions"] == ["speak", "speak"]
        assert (entry["answered_ms"], entry["handler_ms"]) == (1000, 3000)
        assert (blob["Filler"], blob["AnswerMs"]) == ([1], [pytest.approx(1000)])


class TestInBackground:
    def test_it_is_done_while_the_block_goes_on(self) -> None:
        is_done = threading.Event()
        with run_if_slow(0, is_done.set):
            assert is_done.wait(LONG_SECONDS)

    def test_it_is_not_done_when_the_block_has_been_left(self) -> None:
        done: list[str] = []
        with run_if_slow(LONG_SECONDS, lambda: done.append("too late")):
            pass
        assert done == []

    def test_it_is_over_when_the_block_is(self) -> None:
        before, began, done = threading.active_count(), threading.Event(), list[str]()

        def act() -> None:
            began.set()
            done.append("said")

        with run_if_slow(0, act):
            began.wait(LONG_SECONDS)
        assert done == ["said"]
        assert threading.active_count() == before

    def test_it_is_done_in_the_context_of_the_block(self) -> None:
        name, seen, is_done = ContextVar[str]("name"), list[str](), threading.Event()
        name.set("the invocation")

        def act() -> None:
            seen.append(name.get("nobody"))
            is_done.set()

        with run_if_slow(0, act):
            assert is_done.wait(LONG_SECONDS)
        assert seen == ["the invocation"]

    def test_what_it_raises_is_raised_when_the_block_is_left(self) -> None:
        began = threading.Event()

        def act() -> None:
            began.set()
            raise StoreUnavailable("the table does not answer")

        with pytest.raises(StoreUnavailable), run_if_slow(0, act):
            assert began.wait(LONG_SECONDS)

    def test_what_the_block_raises_counts_for_more(self) -> None:
        began = threading.Event()

        def act() -> None:
            began.set()
            raise StoreUnavailable("the table does not answer")

        def fail() -> None:
            assert began.wait(LONG_SECONDS)
            raise KeyError("the handler")

        with pytest.raises(KeyError), run_if_slow(0, act):
            fail()


class SlowSessions(InMemorySessionStore):
    """Takes half a second to find a call the first time, and longer from then on."""

    def __init__(self) -> None:
        self.clock = Clock()
        self._seconds = 0.5
        super().__init__(lambda: self.clock.seconds)

    def load(self, session_id: str) -> SessionRecord | None:
        """See `SessionStore.load`."""
        self.clock.advance(self._seconds)
        self._seconds *= 3
        return super().load(session_id)


class FailingSessions(InMemorySessionStore):
    """Takes no commit as long as it is down."""

    def __init__(self) -> None:
        self.is_down = False
        super().__init__(Clock())

    def commit(self, item: SessionRecord) -> None:
        """See `SessionStore.commit`."""
        if self.is_down:
            raise StoreUnavailable("the table does not answer")
        super().commit(item)
