"""What the caller did is read out of a recording, whatever the agent and the service did."""

from typing import Any

import pytest

from aiflow_local.simulator.engine.bot_connection import DeliveryFailure
from aiflow_local.simulator.engine.caller import PhoneCall
from aiflow_local.simulator.engine.clock import Clock
from aiflow_local.simulator.engine.transcript import EntryKind
from aiflow_local.simulator.recordings.caller_steps import CallerStep, replay_step
from aiflow_local.simulator.recordings.reader import RecordedCall
from aiflow_local.simulator.recordings.reconstruct import reconstruct
from tests.unit.local.simulator.fake_bots import Bot, Script, act, answers, call, in_turn, ok, say

LONG = say("one two three four five six seven eight nine ten")


def recorded(phone: PhoneCall) -> RecordedCall:
    return RecordedCall("a call", phone.parties, phone.options, phone.transcript.entries)


def told(phone: PhoneCall) -> list[dict[str, Any]]:
    """Return moves without their bookkeeping."""
    names = ("words", "silence_ms", "after_ms", "skipped")
    return [
        {"act": step.kind} | {name: value for name in names if (value := getattr(step, name))}
        for step in reconstruct(recorded(phone)).steps
    ]


def happened(phone: PhoneCall) -> list[tuple[int, str]]:
    return [(entry.at_ms, entry.text) for entry in phone.transcript.entries]


def again(phone: PhoneCall, script: Script) -> PhoneCall:
    """Do the same once more, with another bot."""
    other = PhoneCall(Bot(script), phone.options, phone.parties, Clock())
    other.begin()
    for step in reconstruct(recorded(phone)).steps:
        replay_step(step, other)
    other.settle()
    return other


def test_what_is_said_when_the_agent_is_done_has_no_silence_before_it() -> None:
    phone, _ = call(answers(session_start=LONG, user_speak=LONG))
    phone.says("hello")
    phone.says("you")
    phone.hangs_up()
    assert told(phone) == [
        {"act": "say", "words": "hello"},
        {"act": "say", "words": "you"},
        {"act": "hang up"},
    ]


def test_an_interruption_is_so_far_into_what_is_playing() -> None:
    phone, _ = call(answers(session_start=LONG))
    phone.interrupts("wait", after_ms=700)
    assert told(phone) == [{"act": "say", "words": "wait", "after_ms": 700}]


def test_of_several_playbacks_it_is_known_which_was_interrupted() -> None:
    script = answers(session_start=[LONG, say("And now this, which is long enough")])
    phone, _ = call(script)
    phone.advance(4500)
    phone.says_now("wait a moment")
    assert told(phone) == [{"act": "say", "words": "wait a moment", "after_ms": 500, "skipped": 1}]
    assert happened(again(phone, script)) == happened(phone)


def test_a_silence_lasts_from_the_end_of_what_was_said() -> None:
    phone, _ = call(answers(session_start=LONG))
    phone.waits(3)
    phone.says("hello")
    assert told(phone) == [{"act": "say", "words": "hello", "silence_ms": 3000}]


def test_who_interrupts_after_a_silence_has_been_silent_until_the_agent_spoke() -> None:
    script = answers(
        session_start=say("Name?", user_input_timeout_seconds=5), user_input_timeout=LONG
    )
    phone, _ = call(script)
    phone.waits(6)
    phone.says_now("hello there")
    assert told(phone) == [
        {"act": "say", "words": "hello there", "silence_ms": 5000, "after_ms": 1000}
    ]
    assert happened(again(phone, script)) == happened(phone)


def test_a_silence_at_the_end_is_a_move_of_its_own() -> None:
    timeout = answers(session_start=say("Name?", user_input_timeout_seconds=5))
    phone, _ = call(timeout)
    phone.waits(6)
    assert told(phone) == [{"act": "wait", "silence_ms": 5000}]
    assert not reconstruct(recorded(phone)).is_over


def test_keys_in_a_row_are_one_move_and_others_are_not() -> None:
    phone, _ = call(answers())
    phone.presses("12#")
    phone.advance(1000)
    phone.presses("3")
    assert told(phone) == [
        {"act": "press", "words": "12#"},
        {"act": "press", "words": "3", "silence_ms": 1000},
    ]


def test_what_is_said_before_a_turn_is_over_belongs_to_it() -> None:
    phone, bot = call(answers())
    phone.starts_saying("I would")
    phone.advance(1000)
    phone.says_now("like to go")
    assert told(phone) == [{"act": "say", "words": "I would like to go"}]
    assert bot.all("user_speak") == [{"text": "I would like to go"}]


def test_who_hangs_up_in_the_same_moment_is_before_what_else_is_due() -> None:
    phone, bot = call(answers(user_speak=LONG))
    phone.says("hello")
    phone.hangs_up()
    assert "assistant_speak" not in bot.told
    assert told(phone) == [{"act": "say", "words": "hello"}, {"act": "hang up"}]
    assert reconstruct(recorded(phone)).is_over


def test_a_switch_that_was_changed_meanwhile_is_changed_again() -> None:
    transfer = act(
        "transfer",
        target_phone_number="493023125002",
        caller_id_name="Agent",
        caller_id_number="493023125003",
        timeout=30,
    )
    script = in_turn(None, transfer, say("Nobody is there"))
    phone, _ = call(script)
    replay_step(CallerStep("set", options={"transfer": "busy"}), phone)
    phone.says("a person")
    phone.settle()
    other = again(phone, in_turn(None, transfer, say("Nobody is there")))
    assert happened(other) == happened(phone)
    assert other.heard == ["Nobody is there"]


@pytest.mark.parametrize("failed_requests", ["ignore", "repeat", "hangup"])
def test_a_bot_that_failed_fails_again(failed_requests: str) -> None:
    broken = DeliveryFailure("timeout", "did not answer", 5000)
    script = in_turn(LONG, broken, ok("", 9000), say("Hello"))
    phone, _ = call(script, failed_requests=failed_requests)
    phone.says("hello")
    phone.interrupts("hello again", after_ms=200)
    reconstructed = reconstruct(recorded(phone))
    assert reconstructed.is_over is (failed_requests == "hangup")
    assert [step.kind for step in reconstructed.steps] == ["say"] * len(
        phone.transcript.of(EntryKind.SAID)
    )


def test_an_agent_that_says_more_today_is_let_finish() -> None:
    phone, _ = call(answers(session_start=say("Hello")))
    phone.says("yes")
    other = again(phone, answers(session_start=[LONG, LONG]))
    assert other.heard == [LONG["text"], LONG["text"]]
