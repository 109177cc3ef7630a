"""Steps of the caller are reconstructed from a recording."""

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


def recorded_steps(phone: PhoneCall) -> list[dict[str, Any]]:
    """Return steps without their positions."""
    names = ("words", "silence_ms", "after_ms", "skipped")
    return [
        {"act": step.kind} | {name: value for name in names if (value := getattr(step, name))}
        for step in reconstruct(recorded(phone)).steps
    ]


def happened(phone: PhoneCall) -> list[tuple[int, str]]:
    return [(entry.at_ms, entry.text) for entry in phone.transcript.entries]


def again(phone: PhoneCall, script: Script) -> PhoneCall:
    """Repeat the steps with another bot."""
    other = PhoneCall(Bot(script), phone.options, phone.parties, Clock())
    other.begin()
    for step in reconstruct(recorded(phone)).steps:
        replay_step(step, other)
    other.settle()
    return other


def test_words_right_after_the_agent_have_no_silence_before_them() -> None:
    phone, _ = call(answers(session_start=LONG, user_speak=LONG))
    phone.says("hello")
    phone.says("you")
    phone.hangs_up()
    assert recorded_steps(phone) == [
        {"act": "say", "words": "hello"},
        {"act": "say", "words": "you"},
        {"act": "hang up"},
    ]


def test_an_interruption_has_its_offset_into_the_playback() -> None:
    phone, _ = call(answers(session_start=LONG))
    phone.interrupts("wait", after_ms=700)
    assert recorded_steps(phone) == [{"act": "say", "words": "wait", "after_ms": 700}]


def test_the_interrupted_one_of_several_playbacks_is_known() -> None:
    script = answers(session_start=[LONG, say("And now this, which is long enough")])
    phone, _ = call(script)
    phone.advance(4500)
    phone.says_now("wait a moment")
    assert recorded_steps(phone) == [
        {"act": "say", "words": "wait a moment", "after_ms": 500, "skipped": 1}
    ]
    assert happened(again(phone, script)) == happened(phone)


def test_a_silence_starts_at_the_end_of_the_speech() -> None:
    phone, _ = call(answers(session_start=LONG))
    phone.waits(3)
    phone.says("hello")
    assert recorded_steps(phone) == [{"act": "say", "words": "hello", "silence_ms": 3000}]


def test_a_silence_before_an_interruption_ends_with_the_playback() -> None:
    script = answers(
        session_start=say("Name?", user_input_timeout_seconds=5), user_input_timeout=LONG
    )
    phone, _ = call(script)
    phone.waits(6)
    phone.says_now("hello there")
    assert recorded_steps(phone) == [
        {"act": "say", "words": "hello there", "silence_ms": 5000, "after_ms": 1000}
    ]
    assert happened(again(phone, script)) == happened(phone)


def test_a_silence_at_the_end_is_its_own_step() -> None:
    timeout = answers(session_start=say("Name?", user_input_timeout_seconds=5))
    phone, _ = call(timeout)
    phone.waits(6)
    assert recorded_steps(phone) == [{"act": "wait", "silence_ms": 5000}]
    assert not reconstruct(recorded(phone)).is_over


def test_consecutive_keys_are_one_step() -> None:
    phone, _ = call(answers())
    phone.presses("12#")
    phone.advance(1000)
    phone.presses("3")
    assert recorded_steps(phone) == [
        {"act": "press", "words": "12#"},
        {"act": "press", "words": "3", "silence_ms": 1000},
    ]


def test_speech_before_the_end_of_a_turn_belongs_to_it() -> None:
    phone, bot = call(answers())
    phone.starts_saying("I would")
    phone.advance(1000)
    phone.says_now("like to go")
    assert recorded_steps(phone) == [{"act": "say", "words": "I would like to go"}]
    assert bot.all("user_speak") == [{"text": "I would like to go"}]


def test_a_hangup_comes_before_timers_of_the_same_time() -> None:
    phone, bot = call(answers(user_speak=LONG))
    phone.says("hello")
    phone.hangs_up()
    assert "assistant_speak" not in bot.event_types
    assert recorded_steps(phone) == [{"act": "say", "words": "hello"}, {"act": "hang up"}]
    assert reconstruct(recorded(phone)).is_over


def test_an_option_that_changed_during_the_call_changes_again() -> None:
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


def test_the_caller_waits_for_an_agent_that_now_speaks_longer() -> None:
    phone, _ = call(answers(session_start=say("Hello")))
    phone.says("yes")
    other = again(phone, answers(session_start=[LONG, LONG]))
    assert other.heard == [LONG["text"], LONG["text"]]
