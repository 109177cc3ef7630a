"""The printed transcript of a call."""

import io
from collections.abc import Callable
from typing import Any

from rich.console import Console

from aiflow.protocol.lint import Diagnostic
from aiflow_local.simulator.console.transcript_printer import TranscriptPrinter
from aiflow_local.simulator.engine.clock import Clock
from aiflow_local.simulator.engine.transcript import (
    EntryKind,
    Transcript,
    TranscriptEntry,
    TranscriptWriter,
)
from tests.unit.local.simulator.fake_bots import HALF_A_SECOND, act, answers, call, in_turn, ok, say


class Paper:
    """A printer whose lines a test can read."""

    def __init__(
        self, read_state: Callable[[str], dict[str, Any]] | None = None, **options: object
    ) -> None:
        self._out = io.StringIO()
        console = Console(file=self._out, highlight=False, **options)  # type: ignore[arg-type]  # rich's own options
        self.screen = TranscriptPrinter(console, read_state)

    @property
    def lines(self) -> list[str]:
        return self._out.getvalue().splitlines()

    def take(self, *entries: TranscriptEntry) -> list[str]:
        for entry in entries:
            self.screen.add(entry)
        return self.lines


def event(name: str, text: str = "") -> TranscriptEntry:
    return TranscriptEntry(
        1200, EntryKind.EVENT, text or name, {"event": {"type": name, "session": {"id": "s"}}}
    )


def answer(status: int = 200, ms: float = 12.3) -> TranscriptEntry:
    return TranscriptEntry(1200, EntryKind.ANSWER, "", {"status": status, "ms": ms, "body": ""})


def action(**members: object) -> TranscriptEntry:
    return TranscriptEntry(1200, EntryKind.ACTION, "", {"action": members})


def test_an_event_and_its_answer_share_a_line() -> None:
    assert Paper().take(event("session_start"), answer()) == ["    1.2 s  session_start, 12 ms"]


def test_an_error_status_is_shown() -> None:
    lines = Paper().take(event("session_start"), answer(500))
    assert lines == ["    1.2 s  session_start, 500, 12 ms"]


class TestOverWebSocket:
    def test_an_event_without_a_message_is_shown_as_such(self) -> None:
        silence = TranscriptEntry(1200, EntryKind.ANSWER, "no message", {"ms": 0.0, "body": ""})
        assert Paper().take(event("x"), silence) == ["    1.2 s  x, no message"]

    def test_a_message_has_no_status(self) -> None:
        message = TranscriptEntry(
            1200, EntryKind.ANSWER, "a message in 12 ms", {"ms": 12.3, "body": "[]"}
        )
        assert Paper().take(event("x"), message) == ["    1.2 s  x, 12 ms"]

    def test_a_late_answer_has_its_own_line(self) -> None:
        message = TranscriptEntry(
            1200, EntryKind.ANSWER, "a message in 12 ms", {"ms": 12.3, "body": "[]"}
        )
        assert Paper().take(message) == ["           answered, 12 ms"]

    def test_an_unsolicited_message_has_its_own_line(self) -> None:
        message = TranscriptEntry(1200, EntryKind.MESSAGE, "unsolicited", {"body": "[]"})
        assert Paper().take(message) == ["           unsolicited message"]


def test_an_event_without_an_answer_is_shown_with_its_error() -> None:
    paper, transcript = Paper(), Transcript()
    paper.take(event("user_speak", 'user_speak "hello"'))
    transcript.listener = paper.screen.add
    TranscriptWriter(Clock(), transcript).problem(
        Diagnostic.error("timeout", "", "did not answer within 5 s")
    )
    assert paper.lines == [
        '    1.2 s  user_speak "hello"',
        "    error  did not answer within 5 s [timeout]",
    ]


def test_speech_and_other_actions_are_shown() -> None:
    lines = Paper().take(
        action(type="speak", session_id="s-1", ssml="<speak>Good <b/>day</speak>"),
        action(type="audio", session_id="s-1", audio=HALF_A_SECOND),
        action(type="hangup", session_id="s-1"),
        TranscriptEntry(0, EntryKind.SAID, '"hello"', {"words": "hello"}),
        TranscriptEntry(0, EntryKind.SAID, "presses 1", {"key": "1"}),
        TranscriptEntry(0, EntryKind.NOTE, "the call is over", {}),
    )
    assert lines == [
        "    agent  Good day",
        "    agent  [plays a sound of 0.5 s]",
        "    agent  [hangs up]",
        "   caller  hello",
        "   caller  [presses 1]",
        "    phone  the call is over",
    ]


def test_the_heard_part_of_an_interrupted_playback_is_shown() -> None:
    paper = Paper()
    phone, _ = call(answers(session_start=say("one two three four five"), user_speak=say("Yes.")))
    phone.transcript.listener = paper.screen.add
    phone.interrupts("stop it", after_ms=800)
    phone.settle()
    heard = [line for line in paper.lines if "heard" in line]
    assert heard == ['    heard  "one two three", cut short after 1.2 s']


def test_changes_of_the_state_are_shown() -> None:
    state: dict[str, Any] = {"turns": 1, "name": "Ada"}
    paper = Paper(lambda _: state)
    paper.take(event("user_speak"), answer())
    state["turns"] = 2
    del state["name"]
    state["list"] = ["x" * 100]
    lines = paper.take(event("user_speak"), answer(), event("user_speak"), answer())
    assert [line for line in lines if "kept" in line] == [
        '     kept  turns: 1, name: "Ada"',
        f'     kept  turns: 2, list: ["{"x" * 54} ..., name: nothing',
    ]


def test_changes_of_the_state_are_shown_for_each_session_apart() -> None:
    states = {"s": {"turns": 1}, "t": {"turns": 2}}
    paper = Paper(lambda session_id: states[session_id])
    other = TranscriptEntry(
        1200, EntryKind.EVENT, "x", {"event": {"type": "x", "session": {"id": "t"}}}
    )
    paper.take(event("x"), answer(), other, answer())
    assert paper.take(event("x"), answer())[-1] == "    1.2 s  x, 12 ms"


def test_a_handler_error_is_shown_below_its_event() -> None:
    paper = Paper()
    paper.take(event("user_speak"))
    paper.screen.report_error('Traceback (most recent call last):\n  File "app.py"\nValueError: no')
    assert paper.take(answer()) == [
        "    1.2 s  user_speak",
        "    error  Traceback (most recent call last):",
        '             File "app.py"',
        "           ValueError: no",
        "           answered again, 12 ms",
    ]


def test_control_characters_of_a_bot_are_not_printed() -> None:
    paper = Paper()
    text = "\x1b[2J\x07\u202e[red]x" + "y" * 100_000
    (line,) = paper.take(action(type="speak", session_id="s-1", text=text))
    paper.screen.report_error("ValueError: \x1b[2J")
    assert "\x1b" not in "".join(paper.lines)
    assert "\u202e" not in line
    assert "[red]x" in line
    assert len(line) < 2100


def test_on_a_terminal_it_is_in_colour_and_fits_the_width() -> None:
    paper = Paper(width=40, force_terminal=True, color_system="standard", _environ={})
    lines = paper.take(action(type="speak", session_id="s-1", text="word " * 20))
    assert lines[0].startswith("\x1b[1;36m    agent\x1b[0m  word")
    assert len(lines) == 4
    assert all(line.startswith(" " * 11) for line in lines[1:])


def test_the_summary_is_separated_by_a_blank_line() -> None:
    paper = Paper()
    paper.screen.end("no turns", is_ok=False)
    assert paper.lines == ["", "           no turns"]


def test_a_whole_call_can_be_read() -> None:
    paper = Paper()
    turns = in_turn(say("Hello."), act("barge_in"), ok('{"type": "sing"}'))
    phone, _ = call(answers(user_speak=turns))
    phone.transcript.listener = paper.screen.add
    for words in ("one", "two", "three"):
        phone.says(words)
    assert paper.lines[:4] == [
        "   caller  one",
        '    0.9 s  user_speak "one", 1 ms',
        "    agent  Hello.",
        "    0.9 s  assistant_speak, 1 ms",
    ]
    assert "    agent  [stops speaking]" in paper.lines
    assert any(
        line.startswith("    error  /body/type is not an action type") for line in paper.lines
    )
