"""What a person sees of a call."""

import io
from collections.abc import Callable
from typing import Any

from rich.console import Console

from aiflow.protocol.lint import Diagnostic
from aiflow_local.simulator.console.screen import Screen
from aiflow_local.simulator.engine.clock import Clock
from aiflow_local.simulator.engine.transcript import Entry, Kind, Scribe, Transcript
from tests.unit.local.simulator.fake_bots import HALF_A_SECOND, act, answers, call, in_turn, ok, say


class Paper:
    """A screen whose lines can be read."""

    def __init__(self, look: Callable[[], dict[str, Any]] | None = None, **options: object) -> None:
        self._out = io.StringIO()
        console = Console(file=self._out, highlight=False, **options)  # type: ignore[arg-type]  # rich's own options
        self.screen = Screen(console, look)

    @property
    def lines(self) -> list[str]:
        return self._out.getvalue().splitlines()

    def take(self, *entries: Entry) -> list[str]:
        for entry in entries:
            self.screen.add(entry)
        return self.lines


def event(name: str, text: str = "") -> Entry:
    return Entry(1200, Kind.EVENT, text or name, {"event": {"type": name}})


def answer(status: int = 200, ms: float = 12.3) -> Entry:
    return Entry(1200, Kind.ANSWER, "", {"status": status, "ms": ms, "body": ""})


def action(**members: object) -> Entry:
    return Entry(1200, Kind.ACTION, "", {"action": members})


def test_an_event_and_its_answer_share_a_line() -> None:
    assert Paper().take(event("session_start"), answer()) == ["    1.2 s  session_start, 12 ms"]


def test_a_status_that_is_no_good_is_shown() -> None:
    lines = Paper().take(event("session_start"), answer(500))
    assert lines == ["    1.2 s  session_start, 500, 12 ms"]


class TestOverWebSocket:
    def test_silence_is_shown_as_such(self) -> None:
        silence = Entry(1200, Kind.ANSWER, "no message", {"ms": 0.0, "body": ""})
        assert Paper().take(event("x"), silence) == ["    1.2 s  x, no message"]

    def test_a_message_has_no_status(self) -> None:
        message = Entry(1200, Kind.ANSWER, "a message in 12 ms", {"ms": 12.3, "body": "[]"})
        assert Paper().take(event("x"), message) == ["    1.2 s  x, 12 ms"]

    def test_one_that_took_its_time_stands_alone(self) -> None:
        message = Entry(1200, Kind.ANSWER, "a message in 12 ms", {"ms": 12.3, "body": "[]"})
        assert Paper().take(message) == ["           answered, 12 ms"]

    def test_one_that_came_by_itself_too(self) -> None:
        message = Entry(1200, Kind.MESSAGE, "by itself", {"body": "[]"})
        assert Paper().take(message) == ["           sent by itself"]


def test_an_event_without_an_answer_is_shown_with_what_went_wrong() -> None:
    paper, transcript = Paper(), Transcript()
    paper.take(event("user_speak", 'user_speak "hello"'))
    transcript.listener = paper.screen.add
    Scribe(Clock(), transcript).problem(
        Diagnostic.error("timeout", "", "did not answer within 5 s")
    )
    assert paper.lines == [
        '    1.2 s  user_speak "hello"',
        "    error  did not answer within 5 s [timeout]",
    ]


def test_who_speaks_is_shown_and_what_else_the_agent_does() -> None:
    lines = Paper().take(
        action(type="speak", session_id="s-1", ssml="<speak>Good <b/>day</speak>"),
        action(type="audio", session_id="s-1", audio=HALF_A_SECOND),
        action(type="hangup", session_id="s-1"),
        Entry(0, Kind.SAID, '"hello"', {"words": "hello"}),
        Entry(0, Kind.SAID, "presses 1", {"key": "1"}),
        Entry(0, Kind.NOTE, "the call is over", {}),
    )
    assert lines == [
        "    agent  Good day",
        "    agent  [plays a sound of 0.5 s]",
        "    agent  [hangs up]",
        "   caller  hello",
        "   caller  [presses 1]",
        "    phone  the call is over",
    ]


def test_what_was_heard_is_shown_where_it_is_less_than_what_was_said() -> None:
    paper = Paper()
    phone, _ = call(answers(session_start=say("one two three four five"), user_speak=say("Yes.")))
    phone.transcript.listener = paper.screen.add
    phone.interrupts("stop it", after_ms=800)
    phone.settle()
    heard = [line for line in paper.lines if "heard" in line]
    assert heard == ['    heard  "one two three", cut short after 1.2 s']


def test_what_has_changed_in_the_state_is_shown() -> None:
    state: dict[str, Any] = {"turns": 1, "name": "Ada"}
    paper = Paper(lambda: state)
    paper.take(event("user_speak"), answer())
    state["turns"] = 2
    del state["name"]
    state["list"] = ["x" * 100]
    lines = paper.take(event("user_speak"), answer(), event("user_speak"), answer())
    assert [line for line in lines if "kept" in line] == [
        '     kept  turns: 1, name: "Ada"',
        f'     kept  turns: 2, list: ["{"x" * 54} ..., name: nothing',
    ]


def test_an_error_of_a_handler_stands_below_the_event_that_it_could_not_handle() -> None:
    paper = Paper()
    paper.take(event("user_speak"))
    paper.screen.complain('Traceback (most recent call last):\n  File "app.py"\nValueError: no')
    assert paper.take(answer()) == [
        "    1.2 s  user_speak",
        "    error  Traceback (most recent call last):",
        '             File "app.py"',
        "           ValueError: no",
        "           answered all the same, 12 ms",
    ]


def test_what_a_bot_says_cannot_drive_the_terminal() -> None:
    paper = Paper()
    text = "\x1b[2J\x07\u202e[red]x" + "y" * 100_000
    (line,) = paper.take(action(type="speak", session_id="s-1", text=text))
    paper.screen.complain("ValueError: \x1b[2J")
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


def test_the_summary_stands_apart() -> None:
    paper = Paper()
    paper.screen.end("no turns", is_fine=False)
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
