"""Handlers that answer piece by piece: at once over a WebSocket, as one answer over HTTP."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from threading import Event, Thread

import pytest

from aiflow import Call, Reply, UserSpeak
from aiflow import Event as AnyEvent
from aiflow.sessions.record import MAX_PROCESSED_EVENTS, Status
from tests.helpers.in_process import Line
from tests.helpers.runtime import FakeContext, Limits, make_settings
from tests.helpers.websocket_in_process import WebSocketLine

NUMBER = "493023125042"
APOLOGY = "Sorry, something went wrong. Please say that again."


def think(event: AnyEvent, call: Call) -> Iterator[Reply]:
    """Say that it takes a moment, and then the answer."""
    if isinstance(event, UserSpeak):
        call.state["asked"] = event.text
        yield "One moment."
        call.state["answered"] = event.text
        yield call.speak(f"The answer to {event.text}.")
        call.state["done"] = event.text


def after_the_first(line: WebSocketLine, act: Callable[[], None]) -> None:
    """Do something when the first message has been sent, and the handler goes on."""

    def afterwards(sent: int) -> None:
        if sent == 1:
            act()

    line.mailbox.afterwards = afterwards


class TestOverAWebSocket:
    def test_each_piece_is_a_message_of_its_own(self) -> None:
        line = WebSocketLine(think)
        line.send("user_speak", text="life")
        assert line.mailbox.texts == ["One moment.", "The answer to life."]
        assert len(line.mailbox.messages) == 2

    def test_each_piece_leaves_before_the_handler_goes_on(self) -> None:
        said: list[list[str]] = []

        def watch(event: AnyEvent, call: Call) -> Iterator[Reply]:
            for text in ("one", "two"):
                yield text
                said.append(line.mailbox.texts)

        line = WebSocketLine(watch)
        line.send("user_speak", text="go")
        assert said == [["one"], ["one", "two"]]

    def test_all_of_it_is_kept_in_the_history_and_in_the_state(self) -> None:
        line = WebSocketLine(think)
        line.send("user_speak", text="life")
        assert [turn.text for turn in line.item.turns] == [
            "life",
            "One moment.",
            "The answer to life.",
        ]
        assert line.item.state == {"asked": "life", "answered": "life", "done": "life"}
        assert line.item.stream_owner == ""

    def test_each_piece_is_kept_before_it_is_sent(self) -> None:
        line = WebSocketLine(think)
        kept: list[int] = []
        line.mailbox.meanwhile = lambda _: kept.append(len(line.item.turns))
        line.send("user_speak", text="life")
        assert kept == [2, 3]

    def test_silent_pieces_are_no_messages_and_no_writes(self) -> None:
        def mumble(event: AnyEvent, call: Call) -> Iterator[Reply]:
            yield None
            yield ""
            yield "Hello"
            yield []

        line = WebSocketLine(mumble)
        line.send("user_speak", text="go")
        assert line.mailbox.texts == ["Hello"]

    def test_a_handler_that_has_nothing_to_say_is_silent(self) -> None:
        line = WebSocketLine(think)
        line.send("assistant_speak")
        assert line.mailbox.sent == []
        assert line.outcomes == ["silent"]

    def test_the_log_has_one_line_with_all_that_was_sent(self) -> None:
        line = WebSocketLine(think)
        line.mailbox.meanwhile = lambda _: line.clock.advance(0.5)
        line.send("user_speak", text="life")
        (entry,) = line.log.entries()
        assert entry["actions"] == ["speak", "speak"]
        assert (entry["answered_ms"], entry["duration_ms"]) == (500.0, 1000.0)

    def test_what_the_handler_takes_is_counted_up_to_the_first_piece(self) -> None:
        def think_on(event: AnyEvent, call: Call) -> Iterator[Reply]:
            for seconds in (0.25, 2):
                line.clock.advance(seconds)
                yield f"{event.type} {call.session.id} {seconds}"

        line = WebSocketLine(think_on)
        line.send("user_speak", text="life")
        (entry,), (blob,) = line.log.entries(), line.log.metrics()
        assert (entry["answered_ms"], entry["handler_ms"]) == (250, 250)
        assert (entry["duration_ms"], entry["store_ms"]) == (2250, 0)
        assert blob["HandlerMs"] == [pytest.approx(250)]

    def test_what_was_playing_is_counted_rightly_when_its_end_comes_in_between(self) -> None:
        line = WebSocketLine(think)
        others = WebSocketLine(lambda event, call: None, sessions=line.runtime.sessions)
        after_the_first(line, lambda: others.send("assistant_speech_ended"))
        line.send("user_speak", text="life")
        assert line.item.open_playbacks == 1

    def test_what_others_keep_in_the_state_meanwhile_stays(self) -> None:
        def note(event: AnyEvent, call: Call) -> Reply:
            call.state["noted"] = event.type
            call.state["asked"] = "by another"
            return None

        line = WebSocketLine(think)
        others = WebSocketLine(note, sessions=line.runtime.sessions)
        after_the_first(line, lambda: others.send("assistant_speak"))
        line.send("user_speak", text="life")
        assert line.item.state == {
            "asked": "by another",
            "noted": "assistant_speak",
            "answered": "life",
            "done": "life",
        }
        assert line.mailbox.texts == ["One moment.", "The answer to life."]

    def test_what_the_handler_takes_out_of_the_state_is_gone(self) -> None:
        def clear(event: AnyEvent, call: Call) -> Iterator[Reply]:
            call.state["draft"] = 1
            yield "One"
            del call.state["draft"]
            yield "Two"

        line = WebSocketLine(clear)
        line.send("user_speak", text="go")
        assert line.item.state == {}

    def test_a_piece_may_have_followers(self) -> None:
        def leave(event: AnyEvent, call: Call) -> Iterator[Reply]:
            yield "One moment."
            yield call.speak("Goodbye.").then(call.hangup())

        line = WebSocketLine(leave)
        line.send("user_speak", text="bye")
        assert [follower["type"] for follower in line.item.deferred_actions] == ["hangup"]
        assert line.item.open_playbacks == 2

    def test_a_message_that_costs_money_goes_out_once_however_often_it_is_yielded(self) -> None:
        def text_me(event: AnyEvent, call: Call) -> Iterator[Reply]:
            yield [call.send_sms(NUMBER, "Hello"), call.speak("Sent.")]
            yield [call.send_sms(NUMBER, "Hello"), call.speak("Really.")]

        line = WebSocketLine(text_me, settings=make_settings(allowed_numbers={NUMBER}))
        line.send("user_speak", text="text me")
        assert [action["type"] for action in line.mailbox.actions] == ["send_sms", "speak", "speak"]


class TestARepetition:
    def test_what_comes_once_more_gets_all_that_was_said(self) -> None:
        line = WebSocketLine(think)
        line.send("user_speak", text="life")
        line.send("user_speak", text="life")
        assert line.mailbox.texts == ["One moment.", "The answer to life."] * 2
        assert line.outcomes == ["answered", "duplicate"]

    def test_it_is_one_for_a_while_after_the_last_piece(self) -> None:
        line = WebSocketLine(think)
        line.mailbox.meanwhile = lambda _: line.clock.advance(3)
        line.send("user_speak", text="life")
        line.mailbox.meanwhile = lambda _: None
        line.clock.advance(-2.5)
        line.send("user_speak", text="life")
        assert line.outcomes == ["answered", "duplicate"]

    def test_while_somebody_answers_it_is_silence(self) -> None:
        line = WebSocketLine(think)
        others = WebSocketLine(think, sessions=line.runtime.sessions)
        after_the_first(line, lambda: others.send("user_speak", text="life"))
        line.send("user_speak", text="life")
        assert others.mailbox.texts == []
        assert line.mailbox.texts == ["One moment.", "The answer to life."]

    def test_other_words_are_none(self) -> None:
        line = WebSocketLine(think)
        others = WebSocketLine(lambda event, call: "Fine.", sessions=line.runtime.sessions)
        line.send("user_speak", text="yes")
        line.clock.advance(1)
        others.clock.advance(1)

        def both() -> None:
            line.mailbox.afterwards = lambda _: None
            others.send("user_speak", text="yes")

        line.mailbox.afterwards = lambda sent: both() if sent == 3 else None
        line.send("user_speak", text="no")
        assert others.mailbox.texts == ["Fine."]
        assert line.outcomes == ["answered", "superseded"]


class TestALaterTurn:
    def test_what_the_caller_says_meanwhile_drops_the_pieces_that_were_not_sent(self) -> None:
        line = WebSocketLine(think)
        later = WebSocketLine(lambda event, call: "Fine.", sessions=line.runtime.sessions)
        after_the_first(line, lambda: later.send("user_speak", text="never mind", barged_in=True))
        line.send("user_speak", text="life")
        assert line.mailbox.texts == ["One moment."]
        assert line.outcomes == ["superseded"]
        assert line.log.metrics()[-1]["SupersededAnswers"] == [1]
        assert [turn.text for turn in line.item.turns] == [
            "life",
            "One moment.",
            "never mind",
            "Fine.",
        ]

    def test_what_was_said_before_and_is_kept_late_drops_nothing(self) -> None:
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

        line = WebSocketLine(think_on)
        line.clock.advance(1)
        older = WebSocketLine(slow, sessions=line.runtime.sessions)
        later = Thread(target=lambda: line.send("user_speak", text="and the universe"))
        older.send("user_speak", text="life")
        goes_on.set()
        later.join()
        assert older.outcomes == ["superseded"]
        assert line.mailbox.texts == ["One moment.", "The answer."]
        assert [turn.text for turn in line.item.turns] == [
            "and the universe",
            "One moment.",
            "life",
            "The answer.",
        ]
        assert line.item.open_playbacks == 2

    def test_even_before_the_later_turn_has_an_answer(self) -> None:
        asked, goes_on = Event(), Event()
        heard: list[list[str]] = []

        def slow(event: AnyEvent, call: Call) -> Iterator[Reply]:
            yield "One moment."
            asked.set()
            goes_on.wait()
            yield "The answer."

        def slower(event: AnyEvent, call: Call) -> Reply:
            # The first one comes to its answer while this one still thinks.
            goes_on.set()
            first.join()
            heard.append(line.mailbox.texts)
            return "Fine."

        line = WebSocketLine(slow)
        later = WebSocketLine(slower, sessions=line.runtime.sessions)
        first = Thread(target=lambda: line.send("user_speak", text="life"))
        first.start()
        asked.wait()
        later.send("user_speak", text="never mind")
        assert heard == [["One moment."]]
        assert later.mailbox.texts == ["Fine."]
        assert line.outcomes == ["superseded"]

    def test_the_handler_is_closed_and_can_clean_up(self) -> None:
        closed: list[str] = []

        def careful(event: AnyEvent, call: Call) -> Iterator[Reply]:
            try:
                yield "One moment."
                yield "Never said."
            finally:
                closed.append(call.session.id)

        line = WebSocketLine(careful)
        later = WebSocketLine(lambda event, call: "Fine.", sessions=line.runtime.sessions)
        after_the_first(line, lambda: later.send("user_speak", text="never mind"))
        line.send("user_speak", text="life")
        assert closed == ["session-123"]

    def test_the_end_of_the_call_does_so_too(self) -> None:
        line = WebSocketLine(think)
        others = WebSocketLine(lambda event, call: None, sessions=line.runtime.sessions)
        after_the_first(line, lambda: others.send("session_end"))
        line.send("user_speak", text="life")
        assert line.mailbox.texts == ["One moment."]
        assert line.outcomes == ["superseded"]

    def test_a_transfer_that_comes_back_begins_anew(self) -> None:
        def connect(event: AnyEvent, call: Call) -> Iterator[Reply]:
            yield call.transfer(NUMBER, caller_id_name="A", caller_id_number=NUMBER, timeout=30)
            yield "Never said."

        line = WebSocketLine(connect)
        others = WebSocketLine(lambda event, call: "Back.", sessions=line.runtime.sessions)
        after_the_first(line, lambda: others.send("session_start"))
        line.send("user_speak", text="a person")
        assert others.mailbox.texts == ["Back."]
        assert line.mailbox.texts == []
        assert line.outcomes == ["superseded"]

    @pytest.mark.parametrize("name", ["dtmf_received", "assistant_speak", "user_input_timeout"])
    def test_other_events_let_the_handler_finish(self, name: str) -> None:
        line = WebSocketLine(think)
        others = WebSocketLine(lambda event, call: None, sessions=line.runtime.sessions)
        after_the_first(line, lambda: others.send(name, digit="1"))
        line.send("user_speak", text="life")
        assert line.mailbox.texts == ["One moment.", "The answer to life."]

    def test_a_turn_whose_function_died_delays_nobody(self) -> None:
        class Killed(BaseException):
            """Lambda's own way to end an invocation."""

        def kill() -> None:
            raise Killed

        line = WebSocketLine(think)
        after_the_first(line, kill)
        with pytest.raises(Killed):
            line.send("user_speak", text="life")
        assert line.item.stream_owner
        line.clock.advance(60)
        line.send("user_speak", text="next")
        assert line.mailbox.texts[1:] == ["One moment.", "The answer to next."]
        assert line.item.stream_owner == ""


class TestFailures:
    def test_after_a_piece_the_caller_hears_the_apology_and_the_piece_is_kept(self) -> None:
        def fail(event: AnyEvent, call: Call) -> Iterator[Reply]:
            yield "One moment."
            raise ValueError("no answer")

        line = WebSocketLine(fail)
        line.send("user_speak", text="life")
        assert line.mailbox.texts == ["One moment.", APOLOGY]
        assert line.outcomes == ["degraded"]
        assert [turn.text for turn in line.item.turns] == ["life", "One moment.", APOLOGY]
        assert line.item.stream_owner == ""

    def test_what_was_said_is_kept_once_though_a_handler_fails_that_came_too_late(self) -> None:
        def fail(event: AnyEvent, call: Call) -> Iterator[Reply]:
            yield "One moment."
            raise ValueError("no answer")

        line = WebSocketLine(fail)
        later = WebSocketLine(lambda event, call: "Fine.", sessions=line.runtime.sessions)

        def interrupt() -> None:
            # More than the item remembers of what was answered.
            for number in range(MAX_PROCESSED_EVENTS):
                later.send("user_speak", text=f"never mind {number}")

        after_the_first(line, interrupt)
        line.send("user_speak", text="life")
        assert [turn.text for turn in line.item.turns].count("life") == 1

    def test_what_took_the_turn_is_kept_though_its_handler_fails(self) -> None:
        def fail(event: AnyEvent, call: Call) -> Iterator[Reply]:
            if isinstance(event, UserSpeak) and event.text == "next":
                raise ValueError("no answer")
            yield from think(event, call)

        line = WebSocketLine(fail)
        line.send("user_speak", text="life")
        # Whoever answered before died over it.
        died = replace(line.item.next_version("other", line.item.expires_at), stream_owner="other")
        line.runtime.sessions.commit(died)
        line.send("user_speak", text="next")
        assert [turn.text for turn in line.item.turns[3:]] == ["next", APOLOGY]
        assert line.item.stream_owner == ""

    def test_nothing_is_kept_after_the_end_though_the_item_says_who_speaks(self) -> None:
        def fail(event: AnyEvent, call: Call) -> Iterator[Reply]:
            yield "One moment."
            raise ValueError("no answer")

        line = WebSocketLine(fail)

        def end() -> None:
            # As code does that knows nothing of pieces.
            ended = replace(line.item, status=Status.ENDED)
            line.runtime.sessions.commit(ended.next_version("other", ended.expires_at))

        after_the_first(line, end)
        line.send("user_speak", text="life")
        assert line.item.version == 2
        assert [turn.text for turn in line.item.turns] == ["life", "One moment."]

    def test_a_piece_that_is_too_large_is_the_only_one_that_is_not_sent(self) -> None:
        def shout(event: AnyEvent, call: Call) -> Iterator[Reply]:
            yield "One moment."
            yield "A" * 200_000

        line = WebSocketLine(shout)
        line.send("user_speak", text="life")
        assert line.mailbox.texts == ["One moment.", APOLOGY]
        assert line.log.entries()[0]["reason"] == "answer_too_large"

    def test_whoever_hangs_up_in_between_ends_the_call(self) -> None:
        line = WebSocketLine(think)
        after_the_first(line, lambda: line.mailbox.gone.add("connection-1"))
        line.send("user_speak", text="life")
        assert line.mailbox.texts == ["One moment."]
        assert line.outcomes == ["gone"]
        assert line.item.status is Status.GONE

    def test_each_piece_has_the_time_of_an_answer(self) -> None:
        limits = Limits()
        settings = make_settings(answer_deadline_seconds=4)
        line = WebSocketLine(think, settings=settings, time_limit=limits)
        line.mailbox.meanwhile = lambda _: line.clock.advance(1)
        line.send("user_speak", context=FakeContext(remaining_ms=6000), text="life")
        # The third time it finds that there is no further piece.
        assert limits.seconds == [3.7, 3.7, 3.5]


class TestOverHttp:
    def test_all_pieces_are_one_answer(self) -> None:
        line = Line(think)
        answer = line.send("user_speak", text="life")
        assert [action["text"] for action in answer] == ["One moment.", "The answer to life."]
        assert line.item.state == {"asked": "life", "answered": "life", "done": "life"}
        assert line.item.stream_owner == ""

    def test_one_piece_is_an_object_and_none_is_silence(self) -> None:
        def once(event: AnyEvent, call: Call) -> Iterator[Reply]:
            if isinstance(event, UserSpeak):
                yield "Hello"

        line = Line(once)
        assert line.send("user_speak", text="life")["text"] == "Hello"
        assert line.send("assistant_speak") is None

    def test_pieces_may_come_from_another_generator(self) -> None:
        def outer(event: AnyEvent, call: Call) -> Iterator[Reply]:
            yield think(event, call)
            yield "That was it."

        answer = Line(outer).send("user_speak", text="life")
        assert [action["text"] for action in answer] == [
            "One moment.",
            "The answer to life.",
            "That was it.",
        ]
