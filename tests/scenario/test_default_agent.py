"""The default agent in simulated calls: every handler, in English and German, with all options.

The scenarios in events/calls/agent.call.yaml test the same agent.
"""

import pytest

from aiflow import Hangup, Transfer
from aiflow.protocol.events import EVENT_TYPES
from aiflow_local.simulator.engine.parties import CallParties
from aiflow_local.simulator.engine.transcript import EntryKind
from aiflow_local.simulator.testing import CallUnderTest, Phone


def types(call: CallUnderTest) -> list[str]:
    """Return the types of all actions of a call."""
    return [action.type for action in call.actions]


def test_a_conversation_counts_turns(phone: Phone) -> None:
    call = phone.call()
    call.says("Hello")
    call.says("Guten Tag")
    call.settle()

    assert call.heard[1:] == ["You said: Hello", "You said: Guten Tag"]
    assert call.state == {"turns": 2, "silences": 0}


@pytest.mark.parametrize(
    ("language", "wishes"),
    [
        ("English, please.", ("Text me a summary.", "Is there a person?", "Thanks, goodbye!")),
        (
            "Können wir Deutsch sprechen?",
            ("Schicken Sie mir eine Summary?", "Gibt es eine Person?", "Danke, goodbye!"),
        ),
    ],
)
def test_one_call_reaches_every_handler(
    phone: Phone, language: str, wishes: tuple[str, str, str]
) -> None:
    summary, person, goodbye = wishes
    call = phone.call(CallParties(caller="491713920050"), sms="failed", transfer="no_answer")
    call.says(language)
    call.says(summary)
    call.waits(2)
    call.presses("1")
    call.says(person)
    call.waits(10)
    call.says(goodbye)
    call.settle()

    met = {entry.data["event"]["type"] for entry in call.transcript.of(EntryKind.EVENT)}
    # The service sends this event over WebSocket only.
    assert EVENT_TYPES.keys() - met == {"user_speech_started"}
    assert "I am sorry, I could not send the message." in call.heard
    assert "I could not reach them. What else can I do for you?" in call.heard
    assert "Are you still there?" in call.heard
    assert call.heard[-1] == "Goodbye, and thank you for calling."
    assert call.state["outcome"] == "talked"


@pytest.mark.parametrize("words", ["Goodbye!", "Danke, goodbye."])
@pytest.mark.parametrize("hangup_waits", [True, False])
@pytest.mark.parametrize("assistant_speak", [True, False])
@pytest.mark.parametrize("session_members", ["all", "id"])
def test_the_goodbye_is_played_to_its_end_before_the_hangup(
    phone: Phone,
    words: str,
    hangup_waits: bool,  # noqa: FBT001 - a parametrized option
    assistant_speak: bool,  # noqa: FBT001 - a parametrized option
    session_members: str,
) -> None:
    call = phone.call(
        hangup_waits=hangup_waits, assistant_speak=assistant_speak, session_members=session_members
    )
    call.says(words)
    call.settle()

    assert call.is_over
    assert call.heard[-1] == "Goodbye, and thank you for calling."


@pytest.mark.parametrize("reported", [True, False])
def test_interrupting_the_goodbye_cancels_the_hangup(
    phone: Phone,
    reported: bool,  # noqa: FBT001 - a parametrized option
) -> None:
    call = phone.call(speech_ended_after_interruption=reported)
    call.says("Goodbye")
    call.interrupts("No, wait!", after_ms=600)
    call.waits(5)

    assert not call.is_over
    assert call.heard[-1] == "You said: No, wait!"


def test_the_key_0_ends_the_call_after_a_goodbye(phone: Phone) -> None:
    for reported in (True, False):
        call = phone.call(speech_ended_after_interruption=reported)
        call.presses("0", after_ms=1000)
        call.waits(20)

        assert call.is_over
        assert call.heard[-1] == "Goodbye."


@pytest.mark.parametrize("outcome", ["busy", "no_answer", "rejected"])
def test_the_conversation_continues_after_a_failed_transfer(phone: Phone, outcome: str) -> None:
    call = phone.call(transfer=outcome)
    call.says("Is there a person?")
    call.waits(60)

    assert any(isinstance(action, Transfer) for action in call.actions)
    assert "I could not reach them. What else can I do for you?" in call.heard


def test_a_silent_caller_is_asked_twice_before_the_hangup(phone: Phone) -> None:
    call = phone.call()
    call.waits(60)

    assert call.heard[1:] == [
        "Are you still there?",
        "Are you still there?",
        "I cannot hear you. Goodbye.",
    ]
    assert isinstance(call.actions[-1], Hangup)


@pytest.mark.parametrize(
    ("words", "answer"), [("Deutsch, bitte", "Gerne"), ("English", "Of course")]
)
def test_a_caller_can_switch_the_language(phone: Phone, words: str, answer: str) -> None:
    call = phone.call()
    call.says(words)
    call.settle()

    assert types(call)[-2:] == ["configure_transcription", "speak"]
    assert call.heard[-1].startswith(answer)


def test_a_failed_text_message_can_be_requested_again(phone: Phone) -> None:
    call = phone.call(CallParties(caller="491713920050"), sms="failed")
    call.says("Send me a summary")
    call.waits(6)
    call.says("Try the summary again")
    call.settle()

    assert types(call).count("send_sms") == 2
    assert "I am sorry, I could not send the message." in call.heard


def test_an_anonymous_caller_gets_no_text_message(phone: Phone) -> None:
    call = phone.call(CallParties(caller=""))
    call.says("Send me a summary")
    call.settle()

    assert "send_sms" not in types(call)
    assert "cannot see your number" in call.heard[-1]


def test_a_landline_gets_no_text_message_and_an_explanation(phone: Phone) -> None:
    call = phone.call(CallParties(caller="493023125001"))
    call.says("Send me a summary")
    call.settle()

    assert "send_sms" not in types(call)
    assert call.heard[-1] == "I am sorry, I cannot text you at this number."


def test_each_key_of_the_menu_sends_its_actions(phone: Phone) -> None:
    # Allow slow answers, since a busy machine must not fail this test.
    call = phone.call(numbers="plus", slow_answer_ms=600_000)
    call.presses("1")
    call.presses("2")
    call.presses("349")
    call.hangs_up()

    assert types(call)[1:] == [
        "barge_in",
        "speak",
        "barge_in",
        "audio",
        "speak",
        "mix_audio",
        "mix_audio",
        "configure_voice_to_voice",
    ]
    assert call.state["outcome"] == "talked"
    assert call.problems == []
