"""Typed lines in a call on virtual time."""

from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from aiflow_local.simulator.console.command_runner import CommandRunner
from aiflow_local.simulator.console.commands import help_lines
from aiflow_local.simulator.console.pacing import VirtualTimePacing
from aiflow_local.simulator.console.virtual_time import HangupRequested, run_lines
from aiflow_local.simulator.engine.caller import PhoneCall
from aiflow_local.simulator.engine.clock import Clock
from aiflow_local.simulator.engine.options import ServiceOptions
from aiflow_local.simulator.engine.transcript import EntryKind, TranscriptEntry
from tests.unit.local.simulator.fake_bots import TRANSFER, Bot, Script, act, answers, by_words, say

TEN_WORDS = "one two three four five six seven eight nine ten"
"""Takes four seconds."""

GREETING = answers(session_start=say(TEN_WORDS))


class Typed:
    """A finished call with its typed and shown lines."""

    def __init__(self, script: Script, lines: Iterator[str] | Sequence[str], **set_: Any) -> None:  # noqa: ANN401 - checked by the model
        self.bot = Bot(script)
        self.call = PhoneCall(self.bot, ServiceOptions(**set_), clock=Clock())
        self.shown: list[str] = []
        self.state: dict[str, Any] | None = {"name": "Ada", "turns": 2}
        caller = CommandRunner(
            self.call, VirtualTimePacing(self.call), self.shown.append, lambda _: self.state or {}
        )
        run_lines(caller, lines)

    @property
    def said(self) -> list[str]:
        return [entry.text for entry in self.call.transcript.of(EntryKind.SAID)]

    @property
    def notes(self) -> list[str]:
        return [entry.text for entry in self.call.transcript.of(EntryKind.NOTE)]

    @property
    def heard(self) -> list[tuple[str, bool, int]]:
        entries = self.call.transcript.of(EntryKind.HEARD)
        return [
            (entry.data["words"], entry.data["interrupted"], entry.data["played_ms"])
            for entry in entries
        ]


def test_words_are_spoken_after_the_agent_has_finished() -> None:
    typed = Typed(GREETING, ["hello"])
    assert typed.heard == [(TEN_WORDS, False, 4000)]
    assert typed.bot.all("user_speak") == [{"text": "hello"}]


def test_no_time_passes_before_something_is_typed() -> None:
    call = PhoneCall(Bot(GREETING), clock=Clock())
    shown: list[str] = []

    def lines() -> Iterator[str]:
        shown.extend(entry.text for entry in call.transcript.entries)
        yield "/hangup"

    run_lines(CommandRunner(call, VirtualTimePacing(call), print, None), lines())
    assert f'speak "{TEN_WORDS}"' in shown
    assert "assistant_speak" in shown
    assert [entry.data["played_ms"] for entry in call.transcript.of(EntryKind.HEARD)] == [0]


def test_an_interruption_is_in_the_middle_of_a_playback_by_default() -> None:
    typed = Typed(GREETING, ["/interrupt stop it now"])
    assert typed.call.transcript.of(EntryKind.SAID)[0].at_ms == 2000
    words, interrupted, played_ms = typed.heard[0]
    assert (words, interrupted) == ("one two three four five six", True)
    assert 2000 < played_ms < 3000
    assert typed.bot.all("user_speak") == [{"text": "stop it now", "barged_in": True}]


def test_an_interruption_may_have_an_offset() -> None:
    typed = Typed(GREETING, ["/interrupt 800 stop it now"])
    assert typed.call.transcript.of(EntryKind.SAID)[0].at_ms == 800
    assert typed.heard[0][:2] == ("one two three", True)


def test_an_interruption_without_a_playback_is_heard_as_speech() -> None:
    typed = Typed(GREETING, ["", "/interrupt stop it now"])
    assert typed.heard == [(TEN_WORDS, False, 4000)]
    assert "nothing is playing to interrupt" in typed.notes
    assert typed.bot.all("user_speak") == [{"text": "stop it now"}]


def test_an_empty_line_waits_until_the_agent_has_finished() -> None:
    script = answers(session_start=say(TEN_WORDS), assistant_speech_ended=act("hangup"))
    typed = Typed(script, ["", "never said"])
    assert typed.heard == [(TEN_WORDS, False, 4000)]
    assert typed.said == []


def test_words_after_the_end_of_the_call_are_noted() -> None:
    script = answers(session_start=say(TEN_WORDS), assistant_speech_ended=act("hangup"))
    assert 'the call is over: not said: "hello"' in Typed(script, ["hello"]).notes
    assert "the call is over: not pressed: 12" in Typed(script, ["/keys 12"]).notes


def test_keys_are_pressed_after_the_agent_has_finished() -> None:
    typed = Typed(GREETING, ["/keys 12#"])
    assert typed.heard[0][1] is False
    assert [event["digit"] for event in typed.bot.all("dtmf_received")] == ["1", "2", "#"]


def test_a_silence_begins_after_the_agent_has_finished() -> None:
    script = answers(session_start=say(TEN_WORDS, user_input_timeout_seconds=8))
    assert "user_input_timeout" not in Typed(script, ["/silence 7.9"]).bot.event_types
    assert "user_input_timeout" in Typed(script, ["/silence 8"]).bot.event_types


def test_the_next_transfer_has_the_outcome_that_was_typed_last() -> None:
    script = answers(user_speak={**TRANSFER, "timeout": 20})
    typed = Typed(script, ["/transfer rejected", "/transfer busy", "a person", ""])
    assert "from now on transfer is busy" in typed.notes
    assert "the transfer fails: busy" in typed.notes
    assert typed.bot.event_types.count("session_start") == 2


def test_a_changed_option_is_in_the_transcript_data() -> None:
    typed = Typed(GREETING, ["/sms fail"])
    decided = [entry.data for entry in typed.call.transcript.of(EntryKind.NOTE) if entry.data]
    assert decided == [{"switches": {"sms": "failed"}}]


def test_the_state_is_shown_when_it_is_asked_for() -> None:
    assert Typed(GREETING, ["/state"]).shown == ["{", '  "name": "Ada",', '  "turns": 2', "}"]


def test_the_state_of_a_bot_at_a_url_is_not_accessible() -> None:
    shown: list[str] = []
    call = PhoneCall(Bot(GREETING), clock=Clock())
    run_lines(CommandRunner(call, VirtualTimePacing(call), shown.append, None), ["/state"])
    assert shown == ["The state of a bot at a URL is not accessible."]


def test_the_help_is_shown_when_it_is_asked_for() -> None:
    assert Typed(GREETING, ["/help"]).shown == [*help_lines()]


def test_an_invalid_line_is_reported_and_the_call_continues() -> None:
    typed = Typed(GREETING, ["/hangpu", "/keys", "hello"])
    assert "Did you mean /hangup?" in typed.shown[0]
    assert "/keys 12#" in typed.shown[1]
    assert typed.said == ['"hello"', "hangs up"]


def test_after_the_last_line_the_agent_finishes_and_the_caller_hangs_up() -> None:
    typed = Typed(by_words_after_start(goodbye=say("Goodbye, dear caller.")), ["goodbye"])
    assert typed.heard == [("Goodbye, dear caller.", False, 1200)]
    assert typed.said[-1] == "hangs up"
    assert typed.bot.event_types[-1] == "session_end"


def by_words_after_start(**replies: Any) -> Script:  # noqa: ANN401 - JSON
    return answers(user_speak=by_words(**replies))


def test_hanging_up_interrupts_the_agent() -> None:
    typed = Typed(GREETING, ["/hangup", "never read"])
    assert typed.heard == [("", True, 0)]
    assert typed.bot.event_types[-1] == "session_end"


def test_no_line_is_read_when_the_call_is_over() -> None:
    read: list[str] = []

    def lines() -> Iterator[str]:
        for line in ("hello", "never", "read"):
            read.append(line)
            yield line

    Typed(answers(user_speak=act("hangup")), lines())
    assert read == ["hello"]
    Typed(answers(session_start=act("hangup")), lines())
    assert read == ["hello"]


@pytest.mark.parametrize("interruption", [KeyboardInterrupt, HangupRequested])
def test_ctrl_c_hangs_up_at_once(interruption: type[BaseException]) -> None:
    def lines() -> Iterator[str]:
        yield "hello"
        raise interruption

    typed = Typed(by_words_after_start(hello=say(TEN_WORDS)), lines())
    assert typed.said == ['"hello"', "hangs up"]
    assert typed.heard == [("", True, 0)]
    assert typed.bot.event_types[-1] == "session_end"


def test_ctrl_c_while_the_bot_is_busy_hangs_up_as_well() -> None:
    def script(event: dict[str, Any]) -> None:
        if event["type"] == "user_speak":
            raise KeyboardInterrupt

    typed = Typed(script, ["hello", "never read"])
    assert typed.bot.event_types == ["session_start", "user_speak", "session_end"]


def test_a_closed_pipe_ends_the_call_with_session_end() -> None:
    bot = Bot(GREETING)
    call = PhoneCall(bot, clock=Clock())

    def break_off(entry: TranscriptEntry) -> None:
        if entry.kind is EntryKind.SAID:
            raise BrokenPipeError

    call.transcript.listener = break_off
    with pytest.raises(BrokenPipeError):
        run_lines(CommandRunner(call, VirtualTimePacing(call), print, None), ["hello"])
    assert bot.event_types[-1] == "session_end"
