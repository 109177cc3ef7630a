"""Handlers that yield replies: separate messages over a WebSocket, one answer over HTTP."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from threading import Event, Thread

import pytest

from aiflow import Call, Reply, UserSpeak
from aiflow import Event as AnyEvent
from aiflow.sessions.record import MAX_PROCESSED_EVENTS, Status
from tests.helpers.in_process import CallDriver
from tests.helpers.runtime import FakeContext, RecordingTimeLimit, make_settings
from tests.helpers.websocket_in_process import WebSocketCallDriver

NUMBER = "493023125042"
APOLOGY = "Sorry, something went wrong. Please say that again."


def think(event: AnyEvent, call: Call) -> Iterator[Reply]:
    """Announce a delay, then answer."""
    if isinstance(event, UserSpeak):
        call.state["asked"] = event.text
        yield "One moment."
        call.state["answered"] = event.text
        yield call.speak(f"The answer to {event.text}.")
        call.state["done"] = event.text


def after_first_message(driver: WebSocketCallDriver, act: Callable[[], None]) -> None:
    """Call a function when the first message has been sent."""

    def after_send(sent: int) -> None:
        if sent == 1:
            act()

    driver.connections.after_send = after_send


class TestWebSocket:
    def test_each_chunk_is_a_message_of_its_own(self) -> None:
        driver = WebSocketCallDriver(think)
        driver.send("user_speak", text="life")
        assert driver.connections.texts == ["One moment.", "The answer to life."]
        assert len(driver.connections.messages) == 2

    def test_each_chunk_is_sent_before_the_handler_continues(self) -> None:
        said: list[list[str]] = []

        def watch(event: AnyEvent, call: Call) -> Iterator[Reply]:
            for text in ("one", "two"):
                yield text
                said.append(driver.connections.texts)

        driver = WebSocketCallDriver(watch)
        driver.send("user_speak", text="go")
        assert said == [["one"], ["one", "two"]]

    def test_all_chunks_are_stored_in_the_history_and_the_state(self) -> None:
        driver = WebSocketCallDriver(think)
        driver.send("user_speak", text="life")
        assert [turn.text for turn in driver.record.turns] == [
            "life",
            "One moment.",
            "The answer to life.",
        ]
        assert driver.record.state == {"asked": "life", "answered": "life", "done": "life"}
        assert driver.record.stream_owner == ""

    def test_a_repetition_that_lost_its_commit_sends_no_further_chunk(self) -> None:
        repeated: list[str] = []

        def think_while_repeated(event: AnyEvent, call: Call) -> Iterator[Reply]:
            if not repeated:
                # The same event is answered by another invocation, which commits first.
                repeated.append("once")
                driver.send("user_speak", text="life")
            yield from think(event, call)

        driver = WebSocketCallDriver(think_while_repeated)
        driver.send("user_speak", text="life")
        assert driver.connections.texts == ["One moment.", "The answer to life."]
        assert driver.outcomes == ["answered", "duplicate"]

    def test_a_finding_about_several_chunks_is_logged_once(self) -> None:
        def hang_up_twice(event: AnyEvent, call: Call) -> Iterator[Reply]:
            yield [call.speak("Goodbye."), call.hangup()]
            yield [call.speak("Goodbye again."), call.hangup()]

        driver = WebSocketCallDriver(hang_up_twice)
        driver.send("user_speak", text="life")
        assert driver.log.entries()[-1]["problems"] == ["cut_off"]

    def test_each_chunk_is_stored_before_it_is_sent(self) -> None:
        driver = WebSocketCallDriver(think)
        stored: list[int] = []
        driver.connections.before_send = lambda _: stored.append(len(driver.record.turns))
        driver.send("user_speak", text="life")
        assert stored == [2, 3]

    def test_silent_chunks_send_no_messages(self) -> None:
        def mumble(event: AnyEvent, call: Call) -> Iterator[Reply]:
            yield None
            yield ""
            yield "Hello"
            yield []

        driver = WebSocketCallDriver(mumble)
        driver.send("user_speak", text="go")
        assert driver.connections.texts == ["Hello"]

    def test_a_handler_without_chunks_is_silent(self) -> None:
        driver = WebSocketCallDriver(think)
        driver.send("assistant_speak")
        assert driver.connections.sent == []
        assert driver.outcomes == ["silent"]

    def test_the_log_has_one_line_with_all_actions(self) -> None:
        driver = WebSocketCallDriver(think)
        driver.connections.before_send = lambda _: driver.clock.advance(0.5)
        driver.send("user_speak", text="life")
        (entry,) = driver.log.entries()
        assert entry["actions"] == ["speak", "speak"]
        assert (entry["answered_ms"], entry["duration_ms"]) == (500.0, 1000.0)

    def test_handler_time_is_measured_up_to_the_first_chunk(self) -> None:
        def think_on(event: AnyEvent, call: Call) -> Iterator[Reply]:
            for seconds in (0.25, 2):
                driver.clock.advance(seconds)
                yield f"{event.type} {call.session.id} {seconds}"

        driver = WebSocketCallDriver(think_on)
        driver.send("user_speak", text="life")
        (entry,), (blob,) = driver.log.entries(), driver.log.metrics()
        assert (entry["answered_ms"], entry["handler_ms"]) == (250, 250)
        assert (entry["duration_ms"], entry["store_ms"]) == (2250, 0)
        assert blob["HandlerMs"] == [pytest.approx(250)]

    def test_open_playbacks_stay_correct_when_a_playback_ends_between_chunks(self) -> None:
        driver = WebSocketCallDriver(think)
        others = WebSocketCallDriver(lambda event, call: None, sessions=driver.runtime.sessions)
        after_first_message(driver, lambda: others.send("assistant_speech_ended"))
        driver.send("user_speak", text="life")
        assert driver.record.open_playbacks == 1

    def test_state_written_by_other_events_between_chunks_is_preserved(self) -> None:
        def note(event: AnyEvent, call: Call) -> Reply:
            call.state["noted"] = event.type
            call.state["asked"] = "by another"
            return None

        driver = WebSocketCallDriver(think)
        others = WebSocketCallDriver(note, sessions=driver.runtime.sessions)
        after_first_message(driver, lambda: others.send("assistant_speak"))
        driver.send("user_speak", text="life")
        assert driver.record.state == {
            "asked": "by another",
            "noted": "assistant_speak",
            "answered": "life",
            "done": "life",
        }
        assert driver.connections.texts == ["One moment.", "The answer to life."]

    def test_state_deleted_by_the_handler_is_removed(self) -> None:
        def clear(event: AnyEvent, call: Call) -> Iterator[Reply]:
            call.state["draft"] = 1
            yield "One"
            del call.state["draft"]
            yield "Two"

        driver = WebSocketCallDriver(clear)
        driver.send("user_speak", text="go")
        assert driver.record.state == {}

    def test_a_chunk_may_defer_actions(self) -> None:
        def leave(event: AnyEvent, call: Call) -> Iterator[Reply]:
            yield "One moment."
            yield call.speak("Goodbye.").then(call.hangup())

        driver = WebSocketCallDriver(leave)
        driver.send("user_speak", text="bye")
        assert [action["type"] for action in driver.record.deferred_actions] == ["hangup"]
        assert driver.record.open_playbacks == 2

    def test_a_billable_message_is_sent_once_even_if_yielded_twice(self) -> None:
        def text_me(event: AnyEvent, call: Call) -> Iterator[Reply]:
            yield [call.send_sms(NUMBER, "Hello"), call.speak("Sent.")]
            yield [call.send_sms(NUMBER, "Hello"), call.speak("Really.")]

        driver = WebSocketCallDriver(text_me, settings=make_settings(allowed_numbers={NUMBER}))
        driver.send("user_speak", text="text me")
        assert [action["type"] for action in driver.connections.actions] == [
            "send_sms",
            "speak",
            "speak",
        ]


class TestDuplicates:
    def test_a_duplicate_gets_all_chunks_again(self) -> None:
        driver = WebSocketCallDriver(think)
        driver.send("user_speak", text="life")
        driver.send("user_speak", text="life")
        assert driver.connections.texts == ["One moment.", "The answer to life."] * 2
        assert driver.outcomes == ["answered", "duplicate"]

    def test_an_event_within_a_second_of_the_last_chunk_is_a_duplicate(self) -> None:
        driver = WebSocketCallDriver(think)
        driver.connections.before_send = lambda _: driver.clock.advance(3)
        driver.send("user_speak", text="life")
        driver.connections.before_send = lambda _: None
        driver.clock.advance(-2.5)
        driver.send("user_speak", text="life")
        assert driver.outcomes == ["answered", "duplicate"]

    def test_a_duplicate_is_silent_while_the_answer_is_being_streamed(self) -> None:
        driver = WebSocketCallDriver(think)
        others = WebSocketCallDriver(think, sessions=driver.runtime.sessions)
        after_first_message(driver, lambda: others.send("user_speak", text="life"))
        driver.send("user_speak", text="life")
        assert others.connections.texts == []
        assert driver.connections.texts == ["One moment.", "The answer to life."]

    def test_a_different_text_is_no_duplicate(self) -> None:
        driver = WebSocketCallDriver(think)
        others = WebSocketCallDriver(lambda event, call: "Fine.", sessions=driver.runtime.sessions)
        driver.send("user_speak", text="yes")
        driver.clock.advance(1)
        others.clock.advance(1)

        def both() -> None:
            driver.connections.after_send = lambda _: None
            others.send("user_speak", text="yes")

        driver.connections.after_send = lambda sent: both() if sent == 3 else None
        driver.send("user_speak", text="no")
        assert others.connections.texts == ["Fine."]
        assert driver.outcomes == ["answered", "superseded"]


class TestLaterTurn:
    def test_a_new_turn_of_the_caller_drops_unsent_chunks(self) -> None:
        driver = WebSocketCallDriver(think)
        later = WebSocketCallDriver(lambda event, call: "Fine.", sessions=driver.runtime.sessions)
        after_first_message(
            driver, lambda: later.send("user_speak", text="never mind", barged_in=True)
        )
        driver.send("user_speak", text="life")
        assert driver.connections.texts == ["One moment."]
        assert driver.outcomes == ["superseded"]
        assert driver.log.metrics()[-1]["SupersededAnswers"] == [1]
        assert [turn.text for turn in driver.record.turns] == [
            "life",
            "One moment.",
            "never mind",
            "Fine.",
        ]

    def test_an_older_event_that_commits_late_drops_no_chunks(self) -> None:
        said, goes_on = Event(), Event()

        def think_on(event: AnyEvent, call: Call) -> Iterator[Reply]:
            yield "One moment."
            said.set()
            goes_on.wait()
            yield "The answer."

        def slow(event: AnyEvent, call: Call) -> Reply:
            later.start()
            said.wait()
            return "Too late."

        driver = WebSocketCallDriver(think_on)
        driver.clock.advance(1)
        older = WebSocketCallDriver(slow, sessions=driver.runtime.sessions)
        later = Thread(target=lambda: driver.send("user_speak", text="and the universe"))
        older.send("user_speak", text="life")
        goes_on.set()
        later.join()
        assert older.outcomes == ["superseded"]
        assert driver.connections.texts == ["One moment.", "The answer."]
        assert [turn.text for turn in driver.record.turns] == [
            "and the universe",
            "One moment.",
            "life",
            "The answer.",
        ]
        assert driver.record.open_playbacks == 2

    def test_unsent_chunks_are_dropped_even_before_the_later_turn_is_answered(self) -> None:
        asked, goes_on = Event(), Event()
        heard: list[list[str]] = []

        def slow(event: AnyEvent, call: Call) -> Iterator[Reply]:
            yield "One moment."
            asked.set()
            goes_on.wait()
            yield "The answer."

        def slower(event: AnyEvent, call: Call) -> Reply:
            # The first stream reaches its second chunk while this handler still runs.
            goes_on.set()
            first.join()
            heard.append(driver.connections.texts)
            return "Fine."

        driver = WebSocketCallDriver(slow)
        later = WebSocketCallDriver(slower, sessions=driver.runtime.sessions)
        first = Thread(target=lambda: driver.send("user_speak", text="life"))
        first.start()
        asked.wait()
        later.send("user_speak", text="never mind")
        assert heard == [["One moment."]]
        assert later.connections.texts == ["Fine."]
        assert driver.outcomes == ["superseded"]

    def test_a_superseded_generator_is_closed_and_can_clean_up(self) -> None:
        closed: list[str] = []

        def careful(event: AnyEvent, call: Call) -> Iterator[Reply]:
            try:
                yield "One moment."
                yield "Never said."
            finally:
                closed.append(call.session.id)

        driver = WebSocketCallDriver(careful)
        later = WebSocketCallDriver(lambda event, call: "Fine.", sessions=driver.runtime.sessions)
        after_first_message(driver, lambda: later.send("user_speak", text="never mind"))
        driver.send("user_speak", text="life")
        assert closed == ["session-123"]

    def test_session_end_drops_unsent_chunks(self) -> None:
        driver = WebSocketCallDriver(think)
        others = WebSocketCallDriver(lambda event, call: None, sessions=driver.runtime.sessions)
        after_first_message(driver, lambda: others.send("session_end"))
        driver.send("user_speak", text="life")
        assert driver.connections.texts == ["One moment."]
        assert driver.outcomes == ["superseded"]

    def test_a_session_start_after_a_transfer_drops_unsent_chunks(self) -> None:
        def connect(event: AnyEvent, call: Call) -> Iterator[Reply]:
            yield call.transfer(NUMBER, caller_id_name="A", caller_id_number=NUMBER, timeout=30)
            yield "Never said."

        driver = WebSocketCallDriver(connect)
        others = WebSocketCallDriver(lambda event, call: "Back.", sessions=driver.runtime.sessions)
        after_first_message(driver, lambda: others.send("session_start"))
        driver.send("user_speak", text="a person")
        assert others.connections.texts == ["Back."]
        assert driver.connections.texts == []
        assert driver.outcomes == ["superseded"]

    @pytest.mark.parametrize("name", ["dtmf_received", "assistant_speak", "user_input_timeout"])
    def test_other_events_do_not_interrupt_the_stream(self, name: str) -> None:
        driver = WebSocketCallDriver(think)
        others = WebSocketCallDriver(lambda event, call: None, sessions=driver.runtime.sessions)
        after_first_message(driver, lambda: others.send(name, digit="1"))
        driver.send("user_speak", text="life")
        assert driver.connections.texts == ["One moment.", "The answer to life."]

    def test_a_stream_whose_function_died_does_not_block_the_next_turn(self) -> None:
        class Killed(BaseException):
            """Lambda's way to end an invocation."""

        def kill() -> None:
            raise Killed

        driver = WebSocketCallDriver(think)
        after_first_message(driver, kill)
        with pytest.raises(Killed):
            driver.send("user_speak", text="life")
        assert driver.record.stream_owner
        driver.clock.advance(60)
        driver.send("user_speak", text="next")
        assert driver.connections.texts[1:] == ["One moment.", "The answer to next."]
        assert driver.record.stream_owner == ""


class TestFailures:
    def test_a_failure_after_a_chunk_leads_to_an_apology_and_stores_the_chunk(self) -> None:
        def fail(event: AnyEvent, call: Call) -> Iterator[Reply]:
            yield "One moment."
            raise ValueError("no answer")

        driver = WebSocketCallDriver(fail)
        driver.send("user_speak", text="life")
        assert driver.connections.texts == ["One moment.", APOLOGY]
        assert driver.outcomes == ["degraded"]
        assert [turn.text for turn in driver.record.turns] == ["life", "One moment.", APOLOGY]
        assert driver.record.stream_owner == ""

    def test_a_superseded_stream_that_fails_stores_the_callers_text_once(self) -> None:
        def fail(event: AnyEvent, call: Call) -> Iterator[Reply]:
            yield "One moment."
            raise ValueError("no answer")

        driver = WebSocketCallDriver(fail)
        later = WebSocketCallDriver(lambda event, call: "Fine.", sessions=driver.runtime.sessions)

        def interrupt() -> None:
            # More events than the record remembers.
            for number in range(MAX_PROCESSED_EVENTS):
                later.send("user_speak", text=f"never mind {number}")

        after_first_message(driver, interrupt)
        driver.send("user_speak", text="life")
        assert [turn.text for turn in driver.record.turns].count("life") == 1

    def test_a_turn_that_took_over_a_dead_stream_is_stored_though_its_handler_fails(self) -> None:
        def fail(event: AnyEvent, call: Call) -> Iterator[Reply]:
            if isinstance(event, UserSpeak) and event.text == "next":
                raise ValueError("no answer")
            yield from think(event, call)

        driver = WebSocketCallDriver(fail)
        driver.send("user_speak", text="life")
        # The invocation that owned the stream died.
        died = replace(
            driver.record.next_version("other", driver.record.expires_at), stream_owner="other"
        )
        driver.runtime.sessions.commit(died)
        driver.send("user_speak", text="next")
        assert [turn.text for turn in driver.record.turns[3:]] == ["next", APOLOGY]
        assert driver.record.stream_owner == ""

    def test_a_failure_after_the_end_stores_nothing_despite_the_stream_owner(self) -> None:
        def fail(event: AnyEvent, call: Call) -> Iterator[Reply]:
            yield "One moment."
            raise ValueError("no answer")

        driver = WebSocketCallDriver(fail)

        def end() -> None:
            # End the call without clearing the stream owner, as older code did.
            ended = replace(driver.record, status=Status.ENDED)
            driver.runtime.sessions.commit(ended.next_version("other", ended.expires_at))

        after_first_message(driver, end)
        driver.send("user_speak", text="life")
        assert driver.record.version == 2
        assert [turn.text for turn in driver.record.turns] == ["life", "One moment."]

    def test_only_a_chunk_over_the_size_limit_is_replaced_by_the_apology(self) -> None:
        def shout(event: AnyEvent, call: Call) -> Iterator[Reply]:
            yield "One moment."
            yield "A" * 200_000

        driver = WebSocketCallDriver(shout)
        driver.send("user_speak", text="life")
        assert driver.connections.texts == ["One moment.", APOLOGY]
        assert driver.log.entries()[0]["reason"] == "answer_too_large"

    def test_a_connection_closed_between_chunks_ends_the_call(self) -> None:
        driver = WebSocketCallDriver(think)
        after_first_message(driver, lambda: driver.connections.gone.add("connection-1"))
        driver.send("user_speak", text="life")
        assert driver.connections.texts == ["One moment."]
        assert driver.outcomes == ["gone"]
        assert driver.record.status is Status.GONE

    def test_each_chunk_has_the_time_limit_of_an_answer(self) -> None:
        limits = RecordingTimeLimit()
        settings = make_settings(answer_deadline_seconds=4)
        driver = WebSocketCallDriver(think, settings=settings, time_limit=limits)
        driver.connections.before_send = lambda _: driver.clock.advance(1)
        driver.send("user_speak", context=FakeContext(remaining_ms=6000), text="life")
        # The third request finds that the generator is exhausted.
        assert limits.seconds == [3.7, 3.7, 3.5]


class TestHttp:
    def test_all_chunks_are_one_answer(self) -> None:
        driver = CallDriver(think)
        answer = driver.send("user_speak", text="life")
        assert [action["text"] for action in answer] == ["One moment.", "The answer to life."]
        assert driver.record.state == {"asked": "life", "answered": "life", "done": "life"}
        assert driver.record.stream_owner == ""

    def test_one_chunk_is_an_object_and_no_chunk_is_204(self) -> None:
        def once(event: AnyEvent, call: Call) -> Iterator[Reply]:
            if isinstance(event, UserSpeak):
                yield "Hello"

        driver = CallDriver(once)
        assert driver.send("user_speak", text="life")["text"] == "Hello"
        assert driver.send("assistant_speak") is None

    def test_a_generator_may_be_nested_in_a_chunk(self) -> None:
        def outer(event: AnyEvent, call: Call) -> Iterator[Reply]:
            yield think(event, call)
            yield "That was it."

        answer = CallDriver(outer).send("user_speak", text="life")
        assert [action["text"] for action in answer] == [
            "One moment.",
            "The answer to life.",
            "That was it.",
        ]
