"""`aiflow replay`: recorded calls are replayed and converted to scenarios."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.helpers.template import ROOT
from tests.helpers.web_bots import answering, serving
from tests.unit.local.cli.command import Finished, Run

AGENT = str(ROOT / "events" / "calls" / "agent.call.yaml")
TALK = """\
hello
/transfer busy
I want to talk to a person
/interrupt 500 never mind
/silence 20
/keys 12
/interrupt what else
goodbye
"""

type Record = Callable[[], list[str]]


@pytest.fixture
def record(run: Run, tmp_path: Path) -> Record:
    """Record calls to the agent of this project, and return the files."""

    def record() -> list[str]:
        folder = tmp_path / "recordings"
        assert run("play", AGENT, "--record", str(folder)).code == 0
        return [str(path) for path in sorted(folder.iterdir())]

    return record


@pytest.fixture
def talk(run: Run, tmp_path: Path) -> str:
    """Record an interactive call."""
    file = tmp_path / "talk.jsonl"
    assert run("call", "--record", str(file), stdin=TALK.encode()).code == 0
    return str(file)


def played_as_scenario(run: Run, tmp_path: Path, *files: str) -> Finished:
    made = run("replay", *files, "--as-scenario")
    assert (made.code, made.err) == (0, "")
    path = tmp_path / "made.yaml"
    path.write_text(made.out, encoding="utf-8")
    return run("play", str(path))


def test_each_recorded_scenario_is_a_file_with_its_name(record: Record) -> None:
    names = [Path(file).name for file in record()]
    assert len(names) == 10
    assert names[6] == "007-an-anonymous-caller-gets-no-text-message.jsonl"


def test_an_unchanged_agent_has_no_differences(run: Run, record: Record) -> None:
    files = record()
    finished = run("replay", *files)
    assert (finished.code, finished.err) == (0, "")
    assert finished.out.count("as before, none different") == len(files)


def test_a_changed_answer_is_shown_beside_the_recorded_one(run: Run, record: Record) -> None:
    finished = run("replay", record()[0], "--parameter", "TransferNumber=12025550123")
    assert finished.code == 1
    assert "at 11.70 s, assistant_speech_ended\n" in finished.out
    assert '- transfer target_phone_number="493023125099"' in finished.out
    assert '+ transfer target_phone_number="12025550123"' in finished.out
    assert "4 as before, 1 different" in finished.out


def test_programs_get_an_object_for_each_recording(run: Run, record: Record) -> None:
    finished = run("replay", *record(), "--json", "--parameter", "TransferNumber=12025550123")
    told = [json.loads(line) for line in finished.out.splitlines()]
    assert finished.code == 1
    assert [len(one["differences"]) for one in told] == [1, 1, *[0] * 8]
    (difference,) = told[0]["differences"]
    assert difference["today"]["actions"][0]["target_phone_number"] == "12025550123"


def test_a_bot_at_a_url_is_compared_as_well(run: Run, record: Record) -> None:
    with serving(answering({}, 500)) as url:
        finished = run("replay", record()[6], "--url", url)
    assert finished.code == 1
    assert '- speak "I cannot see your number, so I cannot text you."' in finished.out
    assert "+ error: bad_status" in finished.out


def test_a_call_by_hand_can_be_replayed(run: Run, talk: str) -> None:
    finished = run("replay", talk)
    assert (finished.code, finished.err) == (0, "")
    assert "none different" in finished.out


def test_every_recording_makes_a_scenario_that_passes(
    run: Run, record: Record, tmp_path: Path
) -> None:
    finished = played_as_scenario(run, tmp_path, *record())
    assert finished.code == 0, finished.out
    assert "10 scenarios, 10 ok" in finished.out


def test_a_call_by_hand_makes_a_scenario_that_passes(run: Run, talk: str, tmp_path: Path) -> None:
    finished = played_as_scenario(run, tmp_path, talk)
    assert finished.code == 0, finished.out


def test_a_converted_scenario_has_steps_and_expectations(run: Run, talk: str) -> None:
    lines = [line.strip() for line in run("replay", talk, "--as-scenario").out.splitlines()]
    assert 'given: {transfer: "busy"}' in lines
    assert '- user: "hello"' in lines
    assert '- interrupt: {with: "never mind", after_ms: 500}' in lines
    assert '- keys: "12"' in lines
    assert "- audio: {}" in lines


def test_recordings_with_the_same_name_become_scenarios_with_different_names(
    run: Run, talk: str
) -> None:
    out = run("replay", talk, talk, "--as-scenario").out
    assert '- name: "talk"' in out
    assert '- name: "talk (2)"' in out


def test_all_invalid_recordings_are_reported_and_no_call_is_made(
    run: Run, talk: str, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.jsonl"
    broken.write_text(Path(talk).read_text("utf-8") + '{"at_ms": 1')
    finished = run("replay", talk, str(broken), str(tmp_path / "nothing.jsonl"))
    assert (finished.code, finished.out) == (2, "")
    first, second = finished.err.splitlines()
    assert f"{broken}:{len(broken.read_text('utf-8').splitlines())}: is not a line" in first
    assert "nothing.jsonl: No such file" in second


def test_a_scenario_is_made_without_a_call(run: Run, talk: str) -> None:
    finished = run("replay", talk, "--as-scenario", "--json")
    assert finished.code == 2
    assert "--as-scenario makes no call" in finished.err
