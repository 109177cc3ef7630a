"""Validation of responses: valid actions are executed, problems are reported."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiflow.protocol.lint import lint_response
from aiflow_local.simulator.engine.body_validation import MAX_ACTIONS_PER_ANSWER, MAX_PROBLEMS
from aiflow_local.simulator.engine.bot_connection import DeliveryFailure, HttpResponse
from aiflow_local.simulator.engine.options import ServiceOptions
from aiflow_local.simulator.engine.response_validation import validate_response
from tests.helpers.properties import repeatable
from tests.unit.local.simulator.fake_bots import ok
from tests.unit.protocol.samples import BAD, GOOD, action

EVENT = {"type": "user_speak", "session": {"id": "s"}}
SWITCHES = ServiceOptions()
SPEAK = {"type": "speak", "session_id": "s", "text": "Hello"}


def codes(outcome: HttpResponse | DeliveryFailure, options: ServiceOptions = SWITCHES) -> list[str]:
    """Return the codes of the problems."""
    return [problem.code for problem in validate_response(outcome, EVENT, options).problems]


def obeyed(body: object) -> list[str]:
    """Return the types of the executed actions."""
    return [
        action.type for action in validate_response(ok(json.dumps(body)), EVENT, SWITCHES).actions
    ]


def for_s(members: dict[str, Any]) -> dict[str, Any]:
    """Return an action for the session of the event, if it was for the session of the samples."""
    return members | {"session_id": "s"} if members.get("session_id") == "123" else members


ANSWERS = st.lists(
    st.sampled_from(
        [
            *(for_s(good) for _, good in GOOD),
            *(for_s(action(name, changes)) for name, changes, _, _ in BAD),
            SPEAK | {"session_id": "t"},
            SPEAK | {"session_id": "{{session}}"},
            SPEAK | {"barge_in": None},
            {"type": "speak", "text": "Hello"},
            {"type": "spaek"},
            {},
            None,
            5,
            "speak",
        ]
    ),
    max_size=4,
)


@repeatable
@given(ANSWERS, st.booleans())
def test_the_fast_path_and_the_linter_find_the_same_problems(
    items: list[object],
    alone: bool,  # noqa: FBT001 - hypothesis passes it by position
) -> None:
    answer = ok(json.dumps(items[0] if items and alone else items, default=str))
    response = {"status": 200, "headers": answer.headers, "body": answer.body}

    assert list(validate_response(answer, EVENT, SWITCHES).problems) == lint_response(response, "s")


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (HttpResponse(500, {}, "Internal Server Error", 1.0), "bad_status"),
        (HttpResponse(404, {}, "", 1.0), "bad_status"),
        (HttpResponse(302, {"location": "/elsewhere"}, "", 1.0), "bad_status"),
        (HttpResponse(204, {}, "not read", 1.0), "ignored_body"),
        (ok("<html>Hello</html>"), "not_json"),
        (ok(""), "empty_body"),
        (ok("  "), "empty_body"),
        (ok("[" * 100_000), "not_json"),
        (ok('{"success": true}'), "not_an_action"),
        (ok("null"), "not_an_action"),
        (ok('"speak"'), "not_an_action"),
        (ok("5"), "not_an_action"),
        (ok("[[]]"), "not_an_action"),
        (ok("[]"), "empty_array"),
        (HttpResponse(200, {}, json.dumps(SPEAK), 1.0), "content_type"),
        (HttpResponse(200, {"content-type": "text/html"}, json.dumps(SPEAK), 1.0), "content_type"),
    ],
)
def test_each_problem_has_its_code(answer: HttpResponse, code: str) -> None:
    assert codes(answer) == [code]


@pytest.mark.parametrize(
    "answer",
    [
        ok(json.dumps(SPEAK)),
        ok(json.dumps([SPEAK])),
        HttpResponse(
            200, {"CONTENT-TYPE": "application/json; charset=utf-8"}, json.dumps(SPEAK), 1.0
        ),
        HttpResponse(204, {}, "", 1.0),
        HttpResponse(204, {"content-type": "text/plain"}, "\n", 1.0),
    ],
)
def test_a_good_answer_has_no_problems(answer: HttpResponse) -> None:
    assert codes(answer) == []


def test_an_invalid_action_is_skipped_and_the_others_are_executed() -> None:
    assert obeyed([SPEAK | {"volume": 1}, {"type": "hangup", "session_id": "s"}]) == ["hangup"]


def test_an_action_for_another_session_is_not_executed() -> None:
    assert obeyed([SPEAK | {"session_id": "t"}]) == []
    assert codes(ok(json.dumps(SPEAK | {"session_id": "t"}))) == ["foreign_session_id"]


def test_an_action_with_a_warning_is_executed() -> None:
    assert obeyed({"type": "configure_transcription", "session_id": "s"}) == [
        "configure_transcription"
    ]


@pytest.mark.parametrize("silence", [100, 5000, 200.5, "200", None])
def test_an_invalid_vad_silence_is_reported_and_ignored(silence: object) -> None:
    answer = SPEAK | {"vad": {"end_of_turn_silence_ms": silence}}

    assert obeyed(answer) == ["speak"]
    (speak,) = validate_response(ok(json.dumps(answer)), EVENT, SWITCHES).actions
    assert "vad" not in speak.to_wire()
    assert codes(ok(json.dumps(answer))) != []


def test_an_action_with_another_error_is_skipped() -> None:
    assert obeyed(SPEAK | {"vad": {"end_of_turn_silence_ms": 1}, "volume": 1}) == []


def test_a_flood_of_actions_is_truncated() -> None:
    flood = validate_response(ok(json.dumps([SPEAK] * 100_000)), EVENT, SWITCHES)

    assert len(flood.actions) == MAX_ACTIONS_PER_ANSWER
    (problem,) = flood.problems
    assert problem.code == "too_many_actions"
    assert "100000" in problem.message


def test_a_flood_of_problems_is_counted() -> None:
    problems = validate_response(
        ok(json.dumps([{}] * MAX_ACTIONS_PER_ANSWER)), EVENT, SWITCHES
    ).problems

    assert len(problems) == MAX_PROBLEMS + 1
    assert (
        problems[-1].message
        == f"has {MAX_ACTIONS_PER_ANSWER - MAX_PROBLEMS} more problems like these"
    )


def test_an_answer_after_the_deadline_is_not_executed() -> None:
    late = validate_response(ok(json.dumps(SPEAK), ms=5001), EVENT, SWITCHES)

    assert (late.actions, late.request_failed) == ((), True)
    assert [problem.code for problem in late.problems] == ["too_late"]


def test_a_slow_answer_is_executed_with_a_warning() -> None:
    slow = validate_response(ok(json.dumps(SPEAK), ms=1001), EVENT, SWITCHES)

    assert len(slow.actions) == 1
    assert [(problem.code, problem.severity) for problem in slow.problems] == [("slow", "warning")]


def test_the_deadline_and_the_slow_limit_are_options() -> None:
    answer = ok(json.dumps(SPEAK), ms=300)

    assert codes(answer, ServiceOptions(slow_answer_ms=200)) == ["slow"]
    assert codes(answer, ServiceOptions(answer_deadline_ms=200)) == ["too_late"]
    assert codes(ok(json.dumps(SPEAK), ms=1000)) == []


@pytest.mark.parametrize(
    ("outcome", "lost"),
    [
        (DeliveryFailure("timeout", "did not answer within 5 s", 5000.0), True),
        (HttpResponse(500, {}, "", 1.0), True),
        (HttpResponse(502, {}, "", 1.0), True),
        (HttpResponse(400, {}, "", 1.0), False),
        (HttpResponse(204, {}, "", 1.0), False),
        (ok("nonsense"), False),
    ],
)
def test_a_request_without_an_answer_has_failed(
    outcome: HttpResponse | DeliveryFailure, *, lost: bool
) -> None:
    assert validate_response(outcome, EVENT, SWITCHES).request_failed is lost


def test_a_failure_has_the_reason_of_the_connection() -> None:
    (problem,) = validate_response(
        DeliveryFailure("timeout", "did not answer", 5000.0), EVENT, SWITCHES
    ).problems

    assert (problem.code, problem.severity, problem.message) == (
        "timeout",
        "error",
        "did not answer",
    )
