"""Bots that fail or never stop: problems are recorded, and the call continues or ends."""

import pytest

from aiflow_local.simulator.engine.bot_connection import DeliveryFailure, HttpResponse
from tests.unit.local.simulator.fake_bots import Json, Reply, act, answers, call, in_turn, ok, say

NOBODY = DeliveryFailure("no_connection", "no server answers at this address", 2.0)
BROKEN = HttpResponse(500, {}, "Internal Server Error", 3.0)


@pytest.mark.parametrize(
    "reply",
    [NOBODY, BROKEN, ok("<html>"), ok(""), ok('{"type": "speak"}'), ok("{}", ms=6000)],
    ids=["no connection", "500", "HTML", "empty", "no session", "too late"],
)
def test_the_call_continues_after_an_invalid_answer(reply: Reply) -> None:
    phone, bot = call(in_turn(reply, say("Here I am")))
    phone.says("Hello?")
    phone.settle()

    assert phone.heard == ["Here I am"]
    assert len([problem for problem in phone.problems if problem.severity == "error"]) >= 1
    assert bot.event_types[:2] == ["session_start", "user_speak"]


@pytest.mark.parametrize("reply", [NOBODY, BROKEN, ok("[]", ms=6000)])
def test_a_failed_request_may_be_sent_again(reply: Reply) -> None:
    phone, bot = call(in_turn(reply, say("Here I am")), failed_requests="repeat")
    phone.settle()

    assert phone.heard == ["Here I am"]
    assert bot.events[0] == bot.events[1]
    assert len(phone.problems) == 1


def test_a_request_is_not_sent_a_third_time() -> None:
    phone, bot = call(in_turn(NOBODY, NOBODY, say("Never")), failed_requests="repeat")
    phone.settle()

    assert bot.event_types == ["session_start", "session_start"]
    assert len(phone.problems) == 2


def test_an_answered_request_is_not_sent_again() -> None:
    _, bot = call(in_turn(ok("<html>")), failed_requests="repeat")

    assert bot.event_types == ["session_start"]


def test_a_request_that_failed_may_end_the_call() -> None:
    phone, bot = call(in_turn(NOBODY), failed_requests="hangup")

    assert phone.is_over
    assert bot.event_types == ["session_start", "session_end"]


def test_a_problem_is_in_the_transcript_at_its_place() -> None:
    phone, _ = call(in_turn(BROKEN))
    phone.says("Hello")

    lines = str(phone.transcript).split("\n")
    assert lines[1].endswith("session_start -> 500 in 3 ms")
    assert lines[2].startswith("    0.00  ERROR    /status is 500, but must be 200")
    assert lines[3].endswith('caller   "Hello"')


def forever(event: Json) -> Reply:
    """Speak after every playback."""
    return say("And so on") if event["type"] != "assistant_speak" else None


def test_a_bot_that_never_stops_speaking_is_aborted() -> None:
    phone, bot = call(forever)
    phone.says("May I")

    assert phone.is_over
    assert bot.event_types[-1] == "session_end"
    endless = [problem for problem in phone.problems if problem.code == "endless"]
    assert [problem.message for problem in endless] == [
        "this call has 1000 actions: the simulator ends it"
    ]


def test_a_bot_with_endless_actions_at_one_time_is_aborted() -> None:
    phone, _ = call(
        answers(
            session_start=act("speak", ssml="<speak/>"),
            assistant_speech_ended=act("speak", ssml="<speak/>"),
        )
    )
    phone.settle()

    assert phone.is_over
    assert phone.clock.now_ms == 0
    assert phone.problems[-1].code == "endless"


def test_a_call_over_the_maximum_duration_is_aborted() -> None:
    phone, bot = call(answers(session_start=say("word " * 20_000)))
    phone.settle()

    assert phone.is_over
    assert phone.problems[-1].message == "this call lasts for 2 hours: the simulator ends it"
    assert phone.clock.now_ms == 2 * 60 * 60 * 1000
    assert bot.event_types[-1] == "session_end"


def test_a_silence_over_the_maximum_duration_is_aborted() -> None:
    phone, _ = call(answers())
    for _ in range(3):
        phone.waits(3600)

    assert phone.is_over


def test_a_flood_of_actions_in_one_answer_is_limited() -> None:
    phone, _ = call(answers(session_start=[say("Hm")] * 300))
    phone.settle()

    assert len(phone.actions) == 200
    assert [problem.code for problem in phone.problems] == ["too_many_actions"]
