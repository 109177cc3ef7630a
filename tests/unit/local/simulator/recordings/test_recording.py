import json
from pathlib import Path
from typing import Any

import pytest

from aiflow_local.errors import Unreadable
from aiflow_local.simulator.engine.options import ServiceOptions
from aiflow_local.simulator.engine.parties import CallParties
from aiflow_local.simulator.engine.transcript import EntryKind, TranscriptEntry
from aiflow_local.simulator.recordings.reader import read_recording
from aiflow_local.simulator.recordings.recording import Recording, file_name

PARTY = CallParties("s-1", "outbound", "", "493023125009")
SWITCHES = ServiceOptions(transfer="busy", slow_answer_ms=20)
HEADER: dict[str, Any] = {
    "kind": "call",
    "version": 1,
    "party": {
        "session_id": "s-1",
        "direction": "inbound",
        "caller": "493023125001",
        "callee": "493023125000",
    },
    "switches": {},
}
SAID: dict[str, Any] = {"at_ms": 5, "kind": "said", "text": '"Hi"', "words": "Hi"}


def written(folder: Path, *lines: object) -> Path:
    path = folder / "call.jsonl"
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    return path


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    entries = [
        TranscriptEntry(0, EntryKind.NOTE, "the call begins", {}),
        TranscriptEntry(
            0, EntryKind.EVENT, "x", {"event": {"type": "x", "session": {"id": "s-1"}, "a": None}}
        ),
        TranscriptEntry(
            0, EntryKind.ANSWER, "200 in 1 ms", {"status": 200, "ms": 1.5, "body": "{}"}
        ),
        TranscriptEntry(
            0, EntryKind.ACTION, "hangup", {"action": {"type": "hangup", "session_id": "s-1"}}
        ),
        TranscriptEntry(9, EntryKind.SAID, "hangs up", {"hangup": True}),
        TranscriptEntry(
            9, EntryKind.NOTE, "from now on sms is failed", {"switches": {"sms": "failed"}}
        ),
    ]
    path = tmp_path / "call.jsonl"
    with Recording(path) as recording:
        recording.begin(PARTY, SWITCHES, "\x1b Zürich \u65e5")
        for entry in entries:
            recording.add(entry)
    recorded = read_recording(path)

    assert (recorded.parties, recorded.options) == (PARTY, SWITCHES)
    assert recorded.name == "\x1b Zürich \u65e5"
    assert recorded.entries == entries


def test_a_call_without_a_name_has_the_name_of_its_file(tmp_path: Path) -> None:
    assert read_recording(written(tmp_path, HEADER)).name == "call"


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([], "call.jsonl: is empty"),
        (["what"], "call.jsonl:1: is not a line of a recording"),
        ([{"type": "session_start"}], "call.jsonl:1: "),
        ([HEADER | {"version": 2}], "call.jsonl:1: is not a line of a recording: version: "),
        ([HEADER | {"switches": {"transfer": "maybe"}}], "call.jsonl:1: "),
        ([HEADER, SAID | {"kind": "sung"}], "call.jsonl:2: "),
        ([HEADER, SAID | {"at_ms": -1}], "call.jsonl:2: "),
        ([HEADER, SAID | {"at_ms": 10**12}], "call.jsonl:2: "),
        ([HEADER, SAID, SAID | {"at_ms": 4}], "call.jsonl:3: is earlier than the line before"),
        ([HEADER, {"at_ms": 0, "kind": "event", "text": ""}], "call.jsonl:2: "),
        ([HEADER, SAID | {"kind": "note", "switches": {"sms": "?"}}], "call.jsonl:2: "),
    ],
)
def test_an_invalid_recording_is_rejected_with_its_line(
    tmp_path: Path, lines: list[object], message: str
) -> None:
    with pytest.raises(Unreadable, match=message):
        read_recording(written(tmp_path, *lines))


def test_a_missing_recording_is_rejected(tmp_path: Path) -> None:
    with pytest.raises(Unreadable, match="No such file"):
        read_recording(tmp_path / "call.jsonl")


def test_an_unwritable_recording_is_rejected(tmp_path: Path) -> None:
    with pytest.raises(Unreadable, match="cannot be written"):
        Recording(tmp_path / "nowhere" / "call.jsonl")


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("a caller asks, nobody answers", "007-a-caller-asks-nobody-answers.jsonl"),
        ("zurück / ../../etc", "007-zuruck-etc.jsonl"),
        ("\u65e5\u672c", "007.jsonl"),
        ("\0\n", "007.jsonl"),
        ("x" * 300, f"007-{'x' * 60}.jsonl"),
    ],
)
def test_every_name_makes_a_safe_file_name(name: str, file: str) -> None:
    assert file_name(7, name) == file
