"""What a bot sends when nobody asked it: obeyed when it comes, or when the phone next looks."""

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
"""Two seconds."""

GONE = DeliveryFailure("closed", "closed the connection, 1001", 1.0, is_final=True)


def at_ms(phone: PhoneCall, kind: EntryKind) -> list[int]:
    return [entry.at_ms for entry in phone.transcript.of(kind)]


@pytest.mark.parametrize(
    ("second_speak", "played"), [("queue", [2000, 400]), ("replace", [1000, 400])]
)
def test_it_is_a_later_answer_than_what_is_playing(second_speak: str, played: list[int]) -> None:
    phone, bot = call(answers(session_start=say(FIVE_WORDS)), second_speak=second_speak)
    phone.advance(1000)
    bot.sends_unsolicited(say("Sorry"))
    phone.settle()
    assert played_ms(phone) == played


def test_the_call_goes_on_with_it_when_nothing_else_would_happen() -> None:
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
    assert bot.told[-1] == "session_end"


def test_after_the_end_nobody_looks() -> None:
    phone, bot = call(answers(session_start=act("hangup")))
    bot.sends_unsolicited(say("Hello?"))
    phone.settle()
    assert len(phone.actions) == 1


def test_a_bot_that_cannot_be_reached_any_more_is_not_told_of_the_end() -> None:
    phone, bot = call(answers())
    bot.sends_unsolicited(GONE)
    phone.settle()
    assert phone.is_over
    assert bot.told == ["session_start"]
    assert [problem.code for problem in phone.problems] == ["closed"]


def test_what_came_before_an_event_is_obeyed_before_it_goes_out() -> None:
    phone, bot = call(answers())
    bot.sends_unsolicited(act("hangup"))
    phone.presses_now("1")
    assert "dtmf_received" not in bot.told


class Pace:
    """Real time in which things happen at moments that the test knows."""

    def __init__(self, *happenings: tuple[int, Json]) -> None:
        self.clock = Clock(self.wait, lambda: None)
        self.bot: Bot | None = None
        self._due = deque(happenings)

    def wait(self, seconds: float | None) -> None:
        """Let time pass until the bot sends the next thing, if that comes first."""
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
    def test_it_is_obeyed_when_it_comes_in_the_middle_of_a_sentence(self) -> None:
        pace = Pace((700, act("barge_in")), (900, act("hangup")))
        phone = live(pace, Bot(answers(session_start=say(FIVE_WORDS))))
        run_in_real_time(CommandRunner(phone, RealTimePacing(phone), print, None))
        assert at_ms(phone, EntryKind.MESSAGE) == [700, 900]
        assert played_ms(phone) == [700]

    def test_it_is_obeyed_when_nothing_else_is_due(self) -> None:
        phone = live(Pace((60_000, act("hangup"))), Bot(answers()))
        run_in_real_time(CommandRunner(phone, RealTimePacing(phone), print, None))
        assert at_ms(phone, EntryKind.ACTION) == [60_000]

    def test_it_is_obeyed_while_the_caller_is_silent(self) -> None:
        phone = live(Pace((3000, act("hangup"))), Bot(answers()))
        phone.begin()
        phone.advance(8000)
        assert at_ms(phone, EntryKind.ACTION) == [3000]
        assert phone.clock.now_ms == 3000

    def test_a_silence_is_as_long_as_it_was_meant_to_be_all_the_same(self) -> None:
        phone = live(Pace((3000, say("Hm"))), Bot(answers()))
        phone.begin()
        phone.advance(8000)
        assert phone.clock.now_ms == 8000

    def test_lines_from_a_pipe_wait_for_an_answer_that_nobody_has_waited_for(self) -> None:
        pace = Pace((1500, say("Hello")), (9000, say("Bye")))
        bot = Bot(answers(session_start=NoResponse(is_open=True)))
        phone = live(pace, bot)
        run_lines(CommandRunner(phone, VirtualTimePacing(phone), print, None), ["hello"])
        assert at_ms(phone, EntryKind.SAID)[0] == 1900
        assert phone.heard == ["Hello"]

    def test_but_not_longer_than_until_the_deadline(self) -> None:
        bot = Bot(answers(session_start=NoResponse(is_open=True)))
        phone = live(Pace(), bot, answer_deadline_ms=2000)
        run_lines(CommandRunner(phone, VirtualTimePacing(phone), print, None), ["hello"])
        assert at_ms(phone, EntryKind.SAID)[0] == 2000

    def test_a_ring_is_no_line_that_was_typed(self) -> None:
        seconds = iter([10.0, 10.25])
        input_queue = InputQueue(lambda: next(seconds))
        input_queue.notify()
        with pytest.raises(MessageArrived) as rung:
            input_queue.wait(1)
        assert rung.value.waited_ms == 250
