"""`aiflow check`."""

import json
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiflow.protocol.types import JsonValue
from aiflow_local.errors import Unreadable
from aiflow_local.linting import Kind, LintResult, detect_kind, lint, parse
from tests.unit.local.cli.command import Run

SESSION = {"id": "session-1"}
SPEAK = {"type": "speak", "session_id": "session-1", "text": "Hello"}
HANGUP = {"type": "hangup", "session_id": "session-1"}
USER_SPEAK = {"type": "user_speak", "session": SESSION, "text": "Hello"}
HEADERS = {"content-type": "application/json"}


def as_bytes(value: object) -> bytes:
    return json.dumps(value).encode()


@pytest.mark.parametrize(
    ("value", "kind", "type_"),
    [
        (USER_SPEAK, "event", "user_speak"),
        ({"type": "user_barge_in", "session": SESSION}, "event", "user_barge_in"),
        ({"type": "barge_in", "session_id": "session-1"}, "action", "barge_in"),
        (SPEAK, "action", "speak"),
        ([SPEAK], "action", None),
        ({"status": 200, "headers": HEADERS, "body": SPEAK}, "response", "speak"),
        ({"status": 200, "headers": HEADERS, "body": json.dumps(SPEAK)}, "response", "speak"),
        ({"status": 204}, "response", None),
        ({"status": 204, "body": "{"}, "response", None),
    ],
)
def test_the_kind_of_valid_input_is_detected_from_its_members(
    run: Run, value: object, kind: str, type_: str | None
) -> None:
    finished = run("check", "--json", stdin=as_bytes(value))
    output = json.loads(finished.out)
    assert (finished.code, output["kind"], output["type"]) == (0, kind, type_)
    assert not [found for found in output["problems"] if found["severity"] == "error"]


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ({"type": "spaek", "session_id": "session-1"}, "action"),
        ({"type": "user_speek", "session": SESSION}, "event"),
        ({"success": True}, "action"),
        ({}, "action"),
        (None, "action"),
        ([], "action"),
        ("OK", "action"),
        ({"body": ""}, "response"),
        ({"statusCode": 200}, "response"),
        ({"type": "speak", "session": SESSION}, "action"),
        ({"type": "user_speak", "session_id": "session-1"}, "event"),
    ],
)
def test_the_kind_of_invalid_input_is_detected(value: JsonValue, kind: Kind) -> None:
    assert detect_kind(value) == kind


def test_an_error_is_printed_with_its_path_and_the_exit_code_is_1(run: Run) -> None:
    finished = run("check", stdin=as_bytes({**SPEAK, "txt": "Hello"}))
    assert finished.code == 1
    assert "standard input: action speak: 1 error" in finished.out
    assert "/txt is not a member of the protocol [unknown_member]" in finished.out


def test_a_warning_is_printed_and_the_exit_code_is_0(run: Run) -> None:
    finished = run("check", stdin=as_bytes([SPEAK, HANGUP]))
    assert finished.code == 0
    assert "1 warning" in finished.out
    assert "[cut_off]" in finished.out


def test_valid_input_prints_one_line(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "answer.json"
    file.write_bytes(as_bytes(SPEAK))
    finished = run("check", str(file))
    assert (finished.code, finished.out) == (0, f"{file}: action speak: ok\n")


def test_the_json_output_is_one_object_with_all_problems(run: Run) -> None:
    finished = run("check", "--json", stdin=as_bytes({"type": "hangup"}))
    assert finished.code == 1
    output = json.loads(finished.out)
    assert [*output] == ["kind", "type", "verdict", "problems"]
    assert output["verdict"] == "error"
    (problem,) = output["problems"]
    assert [*problem] == ["code", "severity", "path", "message"]
    assert (problem["code"], problem["path"]) == ("missing_session_id", "/session_id")


@pytest.mark.parametrize("kind", ["event", "action", "response"])
def test_the_kind_can_be_given(run: Run, kind: str) -> None:
    finished = run("check", "--json", "--as", kind, stdin=b'"text"')
    assert (finished.code, json.loads(finished.out)["kind"]) == (1, kind)


@pytest.mark.parametrize(
    ("raw", "code", "message"),
    [
        (b"", "not_json", "is empty"),
        (b'{"type": "speak",\n "text": }', "not_json", "(line 2, column 10)"),
        (b'{"a": 1}\n\n  \xff', "bad_encoding", "(line 3, column 3)"),
        (b'\xef\xbb\xbf{"type": "hangup"}', "bad_encoding", "byte order mark"),
        (b"[" * 100_000, "too_deep", "nested too deeply"),
        (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "too_deep", "nested too deeply"),
        (b'{"a": NaN}', "bad_number", "number"),
        (b'{"a": ' + b"9" * 5000 + b"}", "bad_number", "number"),
        (b'{"a": 1, "a": 2}', "dup_key", "twice"),
        (b" " * (32 * 1024 * 1024) + b"{}", "too_large", "32 MB"),
    ],
)
def test_unreadable_input_has_the_exit_code_2(
    run: Run, raw: bytes, code: str, message: str
) -> None:
    finished = run("check", "--json", stdin=raw)
    output = json.loads(finished.out)
    assert (finished.code, output["kind"], output["verdict"]) == (2, None, "error")
    assert output["problems"][0]["code"] == code
    assert message in output["problems"][0]["message"]


@pytest.mark.parametrize("file", ["missing.json", ".", "a\0b"])
def test_a_file_that_cannot_be_opened_has_the_exit_code_2(run: Run, file: str) -> None:
    finished = run("check", file)
    assert (finished.code, finished.out) == (2, "")
    assert finished.err.startswith("aiflow: ")
    assert len(finished.err.splitlines()) == 1


def test_only_the_first_50_problems_are_printed(run: Run) -> None:
    finished = run("check", stdin=as_bytes([1] * 1000))
    assert finished.code == 1
    assert len(finished.out.splitlines()) == 52
    assert "950 more" in finished.out


def test_values_of_the_input_are_never_printed(run: Run) -> None:
    secret = {"type": "speak", "session_id": 5, "text": ["whisper"], "tts": "whisper"}
    assert "whisper" not in run("check", stdin=as_bytes(secret)).out


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
)
MEMBERS = st.sampled_from(
    ["type", "session", "session_id", "status", "headers", "body", "text", "digit", "tts", "audio"]
)
TYPES = st.sampled_from(["speak", "audio", "user_speak", "dtmf_received", "user_barge_in"])


@given(st.dictionaries(MEMBERS, JSON | TYPES) | JSON, st.sampled_from([None, "event", "response"]))
def test_any_json_can_be_linted(value: object, kind: Kind | None) -> None:
    result = lint(parse(as_bytes(value)), kind)
    assert isinstance(result, LintResult)
    assert json.loads(json.dumps(result.as_json()))["verdict"] == result.level


@given(st.binary())
def test_any_bytes_are_either_linted_or_rejected(raw: bytes) -> None:
    with suppress(Unreadable):
        assert isinstance(lint(parse(raw)), LintResult)
