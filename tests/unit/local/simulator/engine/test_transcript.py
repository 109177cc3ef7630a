import json
import os
import subprocess
import sys
from pathlib import Path

from aiflow.protocol.lint import Diagnostic
from aiflow_local.simulator.engine.parties import CallParties
from aiflow_local.simulator.engine.transcript import EntryKind, Transcript, TranscriptEntry
from tests.unit.local.simulator.fake_bots import SECOND, act, answers, call, say

ROOT = Path(__file__).parents[5]


def test_a_call_reads_like_a_play() -> None:
    phone, _ = call(
        answers(
            session_start=[
                act("mix_audio", audio=SECOND, volume=0.2),
                say("Welcome to the shop", user_input_timeout_seconds=8),
            ],
            user_speak=act("speak", ssml="<speak>Good <break/> bye</speak>"),
            dtmf_received={"type": "speak"},
        ),
        parties=CallParties(session_id="s"),
    )
    phone.interrupts("Never mind", after_ms=800)
    phone.settle()
    phone.presses("1")
    phone.hangs_up()

    assert str(phone.transcript).split("\n") == [
        "    0.00  phone    the call begins: inbound, 493023125001 calls 493023125000",
        "    0.00  event    session_start -> 200 in 1 ms",
        "    0.00  agent    mix_audio audio=<sound of 1.0 s> volume=0.2",
        "    0.00  phone    the background sound begins",
        '    0.00  agent    speak "Welcome to the shop" user_input_timeout_seconds=8',
        "    0.00  event    assistant_speak -> 204 in 1 ms",
        '    0.80  caller   "Never mind"',
        '    1.12  heard    "Welcome to", cut short after 1.1 s',
        "    1.12  event    assistant_speech_ended -> 204 in 1 ms",
        '    2.10  event    user_speak "Never mind" barged_in=true -> 200 in 1 ms',
        '    2.10  agent    speak "Good bye" as SSML',
        "    2.10  event    assistant_speak -> 204 in 1 ms",
        '    3.40  heard    "Good bye", to its end after 1.3 s',
        "    3.40  event    assistant_speech_ended -> 204 in 1 ms",
        "    3.40  caller   presses 1",
        '    3.40  event    dtmf_received digit="1" -> 200 in 1 ms',
        "    3.40  ERROR    /body needs exactly one of text and ssml [invalid_value]",
        "    3.40  caller   hangs up",
        "    3.40  phone    the background sound ends",
        "    3.40  event    session_end -> 204 in 1 ms",
        "    3.40  phone    the call is over",
    ]


def test_base64_is_not_printed_but_kept() -> None:
    phone, _ = call(answers(session_start=act("audio", audio=SECOND)))

    assert SECOND[:40] not in str(phone.transcript)
    (entry,) = phone.transcript.of(EntryKind.ACTION)
    assert entry.to_json()["action"]["audio"] == SECOND


def test_what_a_bot_brings_cannot_move_the_cursor_or_break_lines() -> None:
    phone, _ = call(answers(session_start=say("one\x1b[2Jtwo\nthree\u202efour")))

    assert 'speak "one[2Jtwo three\ufffdfour"' in str(phone.transcript)


def test_what_a_bot_says_without_end_ends_on_the_paper() -> None:
    phone, _ = call(answers(session_start=say("word " * 10_000)))

    assert max(map(len, str(phone.transcript).split("\n"))) < 3000


def test_who_listens_is_told_of_each_entry_when_it_comes() -> None:
    told: list[TranscriptEntry] = []
    transcript = Transcript(listener=told.append)
    entry = TranscriptEntry(0, EntryKind.NOTE, "something", {})
    transcript.add(entry)

    assert told == transcript.entries == [entry]


def test_an_event_without_an_answer_stands_on_a_line_of_its_own() -> None:
    event = TranscriptEntry(0, EntryKind.EVENT, "session_start", {})
    transcript = Transcript([event, event])

    assert str(transcript).split("\n") == ["    0.00  event    session_start"] * 2


def test_problems_are_given_back_as_they_came() -> None:
    phone, _ = call(answers(session_start={"type": "hm"}))

    (problem,) = phone.problems
    assert isinstance(problem, Diagnostic)
    assert (problem.code, problem.path) == ("not_an_action", "/body/type")


def test_every_entry_is_json() -> None:
    phone, bot = call(answers(session_start=[say("Hello"), {"type": "hm"}]))
    bot.sends_unsolicited(say("Are you there?"))
    phone.says("Hello")
    phone.hangs_up()

    entries = [entry.to_json() for entry in phone.transcript.entries]
    assert json.loads(json.dumps(entries)) == entries
    assert {entry["kind"] for entry in entries} == {kind.value for kind in EntryKind}


def test_the_same_call_is_the_same_byte_by_byte_in_every_process() -> None:
    def play(seed: str) -> bytes:
        command = [sys.executable, "-m", "tests.unit.local.simulator.determinism"]
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        return subprocess.run(
            command, cwd=ROOT, env=environment, check=True, capture_output=True
        ).stdout

    first = play("1")
    assert b"user_input_timeout" in first
    assert first == play("2")
