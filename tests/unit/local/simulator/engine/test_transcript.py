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


def test_a_transcript_has_a_line_for_each_entry() -> None:
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


def test_base64_is_in_the_data_but_not_in_the_text() -> None:
    phone, _ = call(answers(session_start=act("audio", audio=SECOND)))

    assert SECOND[:40] not in str(phone.transcript)
    (entry,) = phone.transcript.of(EntryKind.ACTION)
    assert entry.to_json()["action"]["audio"] == SECOND


def test_text_of_a_bot_has_no_control_characters_or_line_breaks() -> None:
    phone, _ = call(answers(session_start=say("one\x1b[2Jtwo\nthree\u202efour")))

    assert 'speak "one[2Jtwo three\ufffdfour"' in str(phone.transcript)


def test_long_text_of_a_bot_is_shortened() -> None:
    phone, _ = call(answers(session_start=say("word " * 10_000)))

    assert max(map(len, str(phone.transcript).split("\n"))) < 3000


def test_the_listener_gets_each_new_entry() -> None:
    told: list[TranscriptEntry] = []
    transcript = Transcript(listener=told.append)
    entry = TranscriptEntry(0, EntryKind.NOTE, "something", {})
    transcript.add(entry)

    assert told == transcript.entries == [entry]


def test_an_event_without_an_answer_has_its_own_line() -> None:
    event = TranscriptEntry(0, EntryKind.EVENT, "session_start", {})
    transcript = Transcript([event, event])

    assert str(transcript).split("\n") == ["    0.00  event    session_start"] * 2


def test_problems_are_read_back_unchanged() -> None:
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


def test_a_call_is_deterministic_across_processes() -> None:
    def play(seed: str) -> bytes:
        command = [sys.executable, "-m", "tests.unit.local.simulator.determinism"]
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        return subprocess.run(
            command, cwd=ROOT, env=environment, check=True, capture_output=True
        ).stdout

    first = play("1")
    assert b"user_input_timeout" in first
    assert first == play("2")
