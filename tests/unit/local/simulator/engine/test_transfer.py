import pytest

from aiflow_local.simulator.engine.parties import CallParties
from tests.unit.local.simulator.fake_bots import (
    SECOND,
    TRANSFER,
    Bot,
    Json,
    Reply,
    Script,
    act,
    answers,
    call,
    say,
)

WITH_FALLBACK = TRANSFER | {"timeout": 20}
FAILURES = ["busy", "no_answer", "rejected"]


def transferring(first: Reply, **replies: Reply | Script) -> Script:
    """Return a bot that transfers first, and then answers differently after a failure."""
    starts: list[Json] = []

    def start(event: Json) -> Reply:
        starts.append(event)
        return first if len(starts) == 1 else say("They are not there")

    return answers(session_start=start, **replies)


def test_an_answered_transfer_is_the_end_for_the_bot() -> None:
    phone, bot = call(answers(session_start=TRANSFER), transfer="answered")
    phone.settle()
    phone.says("Hello?")
    phone.presses("1")
    phone.hangs_up()

    assert bot.event_types == ["session_start"]
    assert phone.is_over


def test_session_end_may_follow_an_answered_transfer() -> None:
    phone, bot = call(
        answers(session_start=TRANSFER), transfer="answered", session_end_after_transfer=True
    )
    phone.settle()
    phone.hangs_up()

    assert bot.event_types == ["session_start", "session_end"]


@pytest.mark.parametrize("outcome", FAILURES)
def test_a_failed_transfer_without_a_timeout_ends_the_call(outcome: str) -> None:
    phone, bot = call(answers(session_start=TRANSFER), transfer=outcome)
    phone.settle()

    assert bot.event_types == ["session_start", "session_end"]
    assert phone.is_over


@pytest.mark.parametrize("outcome", FAILURES)
def test_with_a_timeout_the_same_session_starts_again(outcome: str) -> None:
    phone, bot = call(
        transferring(WITH_FALLBACK), transfer=outcome, parties=CallParties(session_id="session-123")
    )
    phone.settle()

    assert bot.event_types[:2] == ["session_start", "session_start"]
    assert bot.events[0] == bot.events[1]
    assert phone.heard == ["They are not there"]
    assert not phone.is_over


@pytest.mark.parametrize(
    ("outcome", "timeout", "rings_ms"),
    [
        ("busy", 20, 2000),
        ("rejected", 20, 3000),
        ("no_answer", 20, 20_000),
        ("no_answer", 5, 5000),
        ("no_answer", None, 30_000),
    ],
)
def test_the_ringing_time_depends_on_the_outcome(
    outcome: str, timeout: int | None, rings_ms: int
) -> None:
    action = TRANSFER if timeout is None else TRANSFER | {"timeout": timeout}
    phone, bot = call(answers(session_start=action), transfer=outcome)
    phone.advance(rings_ms - 1)
    assert len(bot.event_types) == 1

    phone.advance(1)
    assert len(bot.event_types) >= 2


@pytest.mark.parametrize(("waits", "heard"), [(False, [""]), (True, ["One moment", "More"])])
def test_a_transfer_interrupts_the_playback_or_waits_for_its_end(
    *, waits: bool, heard: list[str]
) -> None:
    phone, bot = call(
        answers(session_start=[say("One moment"), say("More"), TRANSFER]), hangup_waits=waits
    )
    phone.settle()

    assert phone.heard == heard
    assert bot.event_types[-1] != "user_input_timeout"
    assert phone.is_over


def test_actions_after_a_transfer_are_not_executed() -> None:
    phone, _ = call(transferring([WITH_FALLBACK, say("Never heard")]), transfer="busy")
    phone.settle()

    assert [action.type for action in phone.actions] == ["transfer", "speak"]
    assert phone.heard == ["They are not there"]


def test_queued_playbacks_are_dropped() -> None:
    phone, _ = call(transferring([say("One"), say("Two"), WITH_FALLBACK]), transfer="busy")
    phone.settle()

    assert phone.heard == ["", "They are not there"]
    assert 'not played: speak "Two"' in str(phone.transcript)


def test_while_it_rings_the_caller_is_not_heard() -> None:
    bot = Bot(transferring(WITH_FALLBACK), reports_speech_started=True)
    phone, _ = call(bot, transfer="no_answer")
    phone.starts_saying("Hello?")
    phone.presses_now("1")
    phone.advance(5000)

    assert bot.event_types == ["session_start"]
    assert str(phone.transcript).count("not heard: the agent is out of the call") == 2


def test_speech_at_the_time_of_a_transfer_is_lost() -> None:
    phone, bot = call(transferring(say("Hello"), dtmf_received=WITH_FALLBACK), transfer="busy")
    phone.starts_saying("I would like to know something")
    phone.presses_now("0")
    phone.settle()

    assert "user_speak" not in bot.event_types
    assert "what the caller is saying is lost" in str(phone.transcript)


def test_settling_waits_until_the_transfer_has_ended() -> None:
    phone, bot = call(transferring(WITH_FALLBACK), transfer="no_answer")
    phone.says("What a pity")

    assert bot.event_types[-1] == "user_speak"
    assert phone.heard == ["They are not there"]


def test_hanging_up_while_it_rings_ends_the_call() -> None:
    phone, bot = call(transferring(WITH_FALLBACK), transfer="busy")
    phone.advance(1000)
    phone.hangs_up()
    phone.advance(60_000)

    assert bot.event_types == ["session_start", "session_end"]


def test_a_transfer_cancels_the_input_timeout() -> None:
    ask = say("Name?", user_input_timeout_seconds=5)
    phone, bot = call(
        transferring(ask, assistant_speech_ended=WITH_FALLBACK),
        transfer="no_answer",
    )
    phone.advance(15_000)

    assert "user_input_timeout" not in bot.event_types


def test_settings_of_the_session_survive_a_transfer() -> None:
    settings = [
        act("configure_transcription", vad={"end_of_turn_silence_ms": 2000}),
        act("mix_audio", audio=SECOND),
        WITH_FALLBACK,
    ]
    phone, _ = call(transferring(settings), transfer="busy")
    phone.settle()
    begun_ms = phone.clock.now_ms
    phone.says("one")

    assert phone.clock.now_ms == begun_ms + 400 + 2000
    assert phone.playback_queue.background


def test_a_second_transfer_may_follow_the_first() -> None:
    replies = [WITH_FALLBACK, WITH_FALLBACK, say("Nobody is there")]
    phone, bot = call(answers(session_start=lambda _: replies.pop(0)), transfer="busy")
    phone.settle()

    assert bot.event_types.count("session_start") == 3
    assert phone.heard == ["Nobody is there"]


def test_a_message_that_fails_while_it_rings_is_reported_after_the_transfer() -> None:
    message = act("send_sms", phone_number="491713920050", message="We will call you back")
    phone, bot = call(transferring([message, WITH_FALLBACK]), transfer="busy", sms="failed")
    phone.settle()

    assert bot.event_types[:4] == [
        "session_start",
        "session_start",
        "assistant_speak",
        "sms_failed",
    ]


def test_an_option_that_changes_during_the_call_applies_from_then_on() -> None:
    phone, bot = call(transferring(say("Hello"), dtmf_received=WITH_FALLBACK))
    phone.options = phone.options.model_copy(update={"transfer": "busy"})
    phone.presses("0")
    phone.settle()

    assert bot.event_types.count("session_start") == 2
