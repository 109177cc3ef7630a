"""Calls in real time, with lines that are typed at known times."""

from collections import deque

import pytest

from aiflow_local.simulator.console.command_runner import CommandRunner
from aiflow_local.simulator.console.pacing import RealTimePacing
from aiflow_local.simulator.console.real_time import InputQueue, LineTyped, run_in_real_time
from aiflow_local.simulator.engine.caller import PhoneCall
from aiflow_local.simulator.engine.clock import Clock
from aiflow_local.simulator.engine.options import ServiceOptions
from aiflow_local.simulator.engine.transcript import EntryKind
from tests.unit.local.simulator.fake_bots import TRANSFER, Bot, Script, act, answers, say

TEN_WORDS = "one two three four five six seven eight nine ten"
"""Takes four seconds."""

GREETING = answers(session_start=say(TEN_WORDS))


class Typist(InputQueue):
    """An input queue with lines at times of the call, in milliseconds; then it hangs up."""

    def __init__(self, *lines: tuple[int, str | None]) -> None:
        super().__init__()
        self.clock = Clock(self.wait)
        self._due = deque(lines)

    def wait(self, seconds: float | None = None) -> None:
        """Move time to the next line, if it comes first."""
        at_ms, line = self._due[0] if self._due else (self.clock.now_ms, None)
        waited_ms = at_ms - self.clock.now_ms
        if seconds is None or (self._due and waited_ms < seconds * 1000):
            if self._due:
                self._due.popleft()
            raise LineTyped(line, waited_ms)


def held(script: Script, *lines: tuple[int, str | None]) -> tuple[PhoneCall, Bot]:
    bot, source = Bot(script), Typist(*lines)
    call = PhoneCall(bot, ServiceOptions(transfer="busy"), clock=source.clock)
    run_in_real_time(CommandRunner(call, RealTimePacing(call), print, None))
    return call, bot


def said(call: PhoneCall) -> list[tuple[int, str]]:
    return [(entry.at_ms, entry.text) for entry in call.transcript.of(EntryKind.SAID)]


def test_what_is_typed_while_the_agent_speaks_interrupts_it() -> None:
    call, bot = held(GREETING, (1000, "stop it now"))
    (heard,) = call.transcript.of(EntryKind.HEARD)
    assert heard.data["interrupted"]
    assert 1000 < heard.data["played_ms"] < 2000
    assert bot.all("user_speak") == [{"text": "stop it now", "barged_in": True}]


def test_a_later_line_is_spoken_later() -> None:
    call, bot = held(GREETING, (5000, "hello"))
    assert said(call)[0] == (5000, '"hello"')
    assert bot.all("user_speak") == [{"text": "hello"}]


def test_lines_in_a_row_are_one_turn() -> None:
    _, bot = held(GREETING, (5000, "I want"), (5600, "a person"))
    assert bot.all("user_speak") == [{"text": "I want a person"}]


def test_a_caller_without_lines_is_silent() -> None:
    script = answers(session_start=say("Hello?", user_input_timeout_seconds=8))
    call, bot = held(script, (9000, "/hangup"))
    assert "user_input_timeout" in bot.event_types
    assert said(call) == [(9000, "hangs up")]


def test_ctrl_c_hangs_up_during_a_playback() -> None:
    call, bot = held(GREETING, (1000, None))
    assert call.heard == ["one two"]
    assert bot.event_types[-1] == "session_end"


def test_an_interruption_with_an_offset_is_delayed() -> None:
    call, _ = held(GREETING, (500, "/interrupt 1500 stop it now"))
    assert said(call)[0] == (1500, '"stop it now"')


@pytest.mark.parametrize("line", ["/interrupt stop it now", "/interrupt 200 stop it now"])
def test_an_interruption_whose_offset_has_passed_is_immediate(line: str) -> None:
    call, _ = held(GREETING, (500, line))
    assert said(call)[0] == (500, '"stop it now"')


def test_keys_are_pressed_at_once_one_after_another() -> None:
    call, _ = held(GREETING, (500, "/keys 12"))
    assert said(call)[:2] == [(500, "presses 1"), (700, "presses 2")]


def test_an_empty_line_has_no_effect_in_real_time() -> None:
    script = answers(session_start=say("Hello?"), assistant_speech_ended=act("hangup"))
    call, bot = held(script, (100, ""), (200, "/silence 60"))
    assert said(call) == []
    assert bot.event_types[-1] == "session_end"


def test_words_during_a_ringing_transfer_are_not_heard() -> None:
    script = answers(user_speak={**TRANSFER, "timeout": 20})
    call, bot = held(script, (0, "a person"), (2500, "hello?"))
    assert any(
        "not heard: the agent is out of the call" in entry.text
        for entry in call.transcript.of(EntryKind.NOTE)
    )
    assert bot.event_types.count("session_start") == 2


class TestTheKeyboard:
    def test_it_passes_on_a_line_and_the_duration_of_the_wait(self) -> None:
        seconds = iter([10.0, 10.25])
        input_queue = InputQueue(lambda: next(seconds))
        input_queue.put_line("hello")
        with pytest.raises(LineTyped) as typed:
            input_queue.wait(1)
        assert (typed.value.line, typed.value.waited_ms) == ("hello", 250)

    def test_it_never_waits_longer_than_the_given_time(self) -> None:
        seconds = iter([10.0, 12.0])
        input_queue = InputQueue(lambda: next(seconds))
        input_queue.put_line(None)
        with pytest.raises(LineTyped) as typed:
            input_queue.wait(1)
        assert (typed.value.line, typed.value.waited_ms) == (None, 1000)

    def test_it_waits_for_the_whole_time_without_input(self) -> None:
        input_queue = InputQueue()
        input_queue.wait(0)
        input_queue.put_line("at last")
        with pytest.raises(LineTyped, match="at last"):
            input_queue.wait(0)

    def test_it_waits_without_limit_if_no_timer_is_due(self) -> None:
        seconds = iter([10.0, 3610.0])
        input_queue = InputQueue(lambda: next(seconds))
        input_queue.put_line("good morning")
        with pytest.raises(LineTyped) as typed:
            input_queue.wait()
        assert typed.value.waited_ms == 3_600_000
