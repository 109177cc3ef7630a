"""The conversation on a terminal."""

import io

from rich.console import Console

from aiflow.protocol.lint import Diagnostic
from aiflow.protocol.types import JsonObject
from aiflow_local.simulator.scripts.http_client import Answer
from aiflow_local.simulator.scripts.runner import Exchange
from aiflow_local.simulator.scripts.script import Script
from aiflow_local.simulator.scripts.transcript import Transcript

EVENT: JsonObject = {"type": "user_speak", "session": {"id": "s-1"}, "text": "Hello"}
SPEAK: JsonObject = {
    "type": "speak",
    "session_id": "s-1",
    "text": "one two three four five six seven",
}
EXCHANGE = Exchange(
    event=EVENT,
    answer=Answer(12, 200),
    actions=(SPEAK,),
    problems=(Diagnostic.warning("odd", "/body", "is odd"),),
    changes={"state.turns": 1, "waiting": None, "state.tags": ["a", "b"]},
)


def printed(console: Console) -> str:
    transcript = Transcript(console, Script("call.jsonl", (EVENT,)))
    transcript.begin("http://127.0.0.1/webhook")
    transcript.add(EXCHANGE)
    transcript.end()
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_on_a_terminal_what_is_said_is_coloured_and_broken_within_its_column() -> None:
    terminal = Console(file=io.StringIO(), force_terminal=True, width=31, color_system=None)
    assert "    agent  one two three four  \n           five six seven" in printed(terminal)
    assert "\x1b[1;36m" in printed(
        Console(file=io.StringIO(), force_terminal=True, color_system="standard")
    )


def test_elsewhere_each_thing_said_is_one_plain_line() -> None:
    assert printed(Console(file=io.StringIO(), width=31)).splitlines() == [
        "call.jsonl calls http://127.0.0.1/webhook",
        "",
        "  1 user_speak, 12 ms",
        "   caller  Hello",
        "    agent  one two three four five six seven",
        "     kept  state.turns: 1, waiting: nothing, state.tags: a b",
        "  warning  /body is odd [odd]",
        "",
        "1 event, 1 answered with actions, 0 errors, 1 warning, slowest answer 12 ms",
    ]
