"""Unsolicited messages of a bot: executed on arrival, or at the next step of the call."""

from collections import deque

import pytest

from aiflow_local.simulator.console.command_runner import CommandRunner
from aiflow_local.simulator.console.pacing import RealTimePacing, VirtualTimePacing
from aiflow_local.simulator.console.real_time import InputQueue, run_in_real_time
from aiflow_local.simulator.console.virtual_time import run_lines
from aiflow_local.simulator.engine.bot_connection import DeliveryFailure, NoResponse
from aiflow_local.simulator.engine.caller import PhoneCall
from aiflow_local.simulator.engine.clock import Clock, MessageArrived, WaitInterrupted
from aiflow_local.simulator.engine.options import ServiceOptions
from aiflow_local.simulator.engine.transcript import EntryKind
from tests.unit.local.simulator.fake_bots import Bot, Json, act, answers, call, played_ms, say

FIVE_WORDS = "one two three four five"
"""Takes two seconds."""

GONE = DeliveryFailure("closed", "closed the connection, 1001", 1.0, is_permanent=True)


def at_ms(phone: PhoneCall, kind: EntryKind) -> list[int]:
    return [entry.at_ms for entry in phone.transcript.of(kind)]


@pytest.mark.parametrize(
    ("second_speak", "played"), [("queue", [2000, 400]), ("replace", [1000, 400])]
)
def test_it_counts_as_a_later_answer_than_the_current_playback(
    second_speak: str, played: list[int]
) -> None:
    phone, bot = call(answers(session_start=say(FIVE_WORDS)), second_speak=second_speak)
    phone.advance(1000)
    bot.sends_unsolicited(say("Sorry"))
    phone.settle()
    assert played_ms(phone) == played


def test_it_continues_an_idle_call() -> None:
    phone, bot = call(answers(), assistant_speak=False)
    phone.settle()
    bot.sends_unsolicited(say("Are you there?"))
    phone.settle()
    assert phone.heard == ["Are you there?"]


def test_it_may_end_the_call() -> None:
    phone, bot = call(answers())
    bot.sends_unsolicited(act("hangup"), say("and more"))
    phone.settle()
    assert phone.is_over
    assert [action.type for action in phone.actions] == ["hangup"]
    assert bot.event_types[-1] == "session_end"


def test_after_the_end_it_is_not_executed() -> None:
    phone, bot = call(answers(session_start=act("hangup")))
    bot.sends_unsolicited(say("Hello?"))
    phone.settle()
    assert len(phone.actions) == 1


def test_an_unreachable_bot_gets_no_session_end() -> None:
    phone, bot = call(answers())
    bot.sends_unsolicited(GONE)
    phone.settle()
    assert phone.is_over
    assert bot.event_types == ["session_start"]
    assert [problem.code for problem in phone.problems] == ["closed"]


def test_earlier_messages_are_executed_before_an_event_is_sent() -> None:
    phone, bot = call(answers())
    bot.sends_unsolicited(act("hangup"))
    phone.presses_now("1")
    assert "dtmf_received" not in bot.event_types


class Pace:
    """A real-time clock with events at known times."""

    def __init__(self, *happenings: tuple[int, Json]) -> None:
        self.clock = Clock(self.wait, lambda: None)
        self.bot: Bot | None = None
        self._due = deque(happenings)

    def wait(self, seconds: float | None) -> None:
        """Move time to the next message of the bot, if it comes first."""
        if not self._due:
            if seconds is None:
                raise WaitInterrupted(0, "nothing would ever happen")
            return
        at, what = self._due[0]
        waited_ms = at - self.clock.now_ms
        if self.bot and (seconds is None or waited_ms < seconds * 1000):
            self._due.popleft()
            self.bot.sends_unsolicited(what)
            raise MessageArrived(waited_ms)


def live(pace: Pace, bot: Bot, **options: object) -> PhoneCall:
    pace.bot = bot
    return PhoneCall(bot, ServiceOptions.model_validate(options), clock=pace.clock)


class TestInRealTime:
    def test_it_is_executed_on_arrival_during_a_playback(self) -> None:
        pace = Pace((700, act("barge_in")), (900, act("hangup")))
        phone = live(pace, Bot(answers(session_start=say(FIVE_WORDS))))
        run_in_real_time(CommandRunner(phone, RealTimePacing(phone), print, None))
        assert at_ms(phone, EntryKind.MESSAGE) == [700, 900]
        assert played_ms(phone) == [700]

    def test_it_is_executed_without_any_timer(self) -> None:
        phone = live(Pace((60_000, act("hangup"))), Bot(answers()))
        run_in_real_time(CommandRunner(phone, RealTimePacing(phone), print, None))
        assert at_ms(phone, EntryKind.ACTION) == [60_000]

    def test_it_is_executed_while_the_caller_is_silent(self) -> None:
        phone = live(Pace((3000, act("hangup"))), Bot(answers()))
        phone.begin()
        phone.advance(8000)
        assert at_ms(phone, EntryKind.ACTION) == [3000]
        assert phone.clock.now_ms == 3000

    def test_a_message_does_not_shorten_a_silence(self) -> None:
        phone = live(Pace((3000, say("Hm"))), Bot(answers()))
        phone.begin()
        phone.advance(8000)
        assert phone.clock.now_ms == 8000

    def test_lines_from_a_pipe_wait_for_an_open_answer(self) -> None:
        pace = Pace((1500, say("Hello")), (9000, say("Bye")))
        bot = Bot(answers(session_start=NoResponse(answer_pending=True)))
        phone = live(pace, bot)
        run_lines(CommandRunner(phone, VirtualTimePacing(phone), print, None), ["hello"])
        assert at_ms(phone, EntryKind.SAID)[0] == 1900
        assert phone.heard == ["Hello"]

    def test_they_wait_no_longer_than_the_deadline(self) -> None:
        bot = Bot(answers(session_start=NoResponse(answer_pending=True)))
        phone = live(Pace(), bot, answer_deadline_ms=2000)
        run_lines(CommandRunner(phone, VirtualTimePacing(phone), print, None), ["hello"])
        assert at_ms(phone, EntryKind.SAID)[0] == 2000

    def test_a_notification_is_not_a_typed_line(self) -> None:
        seconds = iter([10.0, 10.25])
        input_queue = InputQueue(lambda: next(seconds))
        input_queue.notify()
        with pytest.raises(MessageArrived) as rung:
            input_queue.wait(1)
        assert rung.value.waited_ms == 250
