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
    """Return a bot that transfers at first, and does something else when the call comes back."""
    starts: list[Json] = []

    def start(event: Json) -> Reply:
        starts.append(event)
        return first if len(starts) == 1 else say("They are not there")

    return answers(session_start=start, **replies)


def test_a_transfer_that_is_answered_is_the_last_that_the_bot_hears() -> None:
    phone, bot = call(answers(session_start=TRANSFER), transfer="answered")
    phone.settle()
    phone.says("Hello?")
    phone.presses("1")
    phone.hangs_up()

    assert bot.told == ["session_start"]
    assert phone.is_over


def test_session_end_may_follow_a_transfer_that_is_answered() -> None:
    phone, bot = call(
        answers(session_start=TRANSFER), transfer="answered", session_end_after_transfer=True
    )
    phone.settle()
    phone.hangs_up()

    assert bot.told == ["session_start", "session_end"]


@pytest.mark.parametrize("outcome", FAILURES)
def test_a_transfer_that_fails_ends_the_call_without_a_timeout(outcome: str) -> None:
    phone, bot = call(answers(session_start=TRANSFER), transfer=outcome)
    phone.settle()

    assert bot.told == ["session_start", "session_end"]
    assert phone.is_over


@pytest.mark.parametrize("outcome", FAILURES)
def test_with_a_timeout_the_same_session_starts_again(outcome: str) -> None:
    phone, bot = call(
        transferring(WITH_FALLBACK), transfer=outcome, parties=CallParties(session_id="session-123")
    )
    phone.settle()

    assert bot.told[:2] == ["session_start", "session_start"]
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
def test_it_rings_as_long_as_that_takes(outcome: str, timeout: int | None, rings_ms: int) -> None:
    action = TRANSFER if timeout is None else TRANSFER | {"timeout": timeout}
    phone, bot = call(answers(session_start=action), transfer=outcome)
    phone.advance(rings_ms - 1)
    assert len(bot.told) == 1

    phone.advance(1)
    assert len(bot.told) >= 2


@pytest.mark.parametrize(("waits", "heard"), [(False, [""]), (True, ["One moment", "More"])])
def test_a_transfer_cuts_off_what_is_said_or_waits_for_it(*, waits: bool, heard: list[str]) -> None:
    phone, bot = call(
        answers(session_start=[say("One moment"), say("More"), TRANSFER]), hangup_waits=waits
    )
    phone.settle()

    assert phone.heard == heard
    assert bot.told[-1] != "user_input_timeout"
    assert phone.is_over


def test_nothing_after_a_transfer_in_an_answer_is_obeyed() -> None:
    phone, _ = call(transferring([WITH_FALLBACK, say("Never heard")]), transfer="busy")
    phone.settle()

    assert [action.type for action in phone.actions] == ["transfer", "speak"]
    assert phone.heard == ["They are not there"]


def test_what_waited_to_be_played_is_forgotten() -> None:
    phone, _ = call(transferring([say("One"), say("Two"), WITH_FALLBACK]), transfer="busy")
    phone.settle()

    assert phone.heard == ["", "They are not there"]
    assert 'not played: speak "Two"' in str(phone.transcript)


def test_while_it_rings_nobody_listens_to_the_caller() -> None:
    bot = Bot(transferring(WITH_FALLBACK), reports_speech_started=True)
    phone, _ = call(bot, transfer="no_answer")
    phone.starts_saying("Hello?")
    phone.presses_now("1")
    phone.advance(5000)

    assert bot.told == ["session_start"]
    assert str(phone.transcript).count("not heard: the agent is out of the call") == 2


def test_a_caller_in_the_middle_of_a_sentence_is_not_understood_any_more() -> None:
    phone, bot = call(transferring(say("Hello"), dtmf_received=WITH_FALLBACK), transfer="busy")
    phone.starts_saying("I would like to know something")
    phone.presses_now("0")
    phone.settle()

    assert "user_speak" not in bot.told
    assert "what the caller is saying is lost" in str(phone.transcript)


def test_who_waits_for_the_agent_waits_until_it_has_rung() -> None:
    phone, bot = call(transferring(WITH_FALLBACK), transfer="no_answer")
    phone.says("What a pity")

    assert bot.told[-1] == "user_speak"
    assert phone.heard == ["They are not there"]


def test_who_hangs_up_while_it_rings_ends_the_call() -> None:
    phone, bot = call(transferring(WITH_FALLBACK), transfer="busy")
    phone.advance(1000)
    phone.hangs_up()
    phone.advance(60_000)

    assert bot.told == ["session_start", "session_end"]


def test_an_input_timeout_that_was_running_is_over() -> None:
    ask = say("Name?", user_input_timeout_seconds=5)
    phone, bot = call(
        transferring(ask, assistant_speech_ended=WITH_FALLBACK),
        transfer="no_answer",
    )
    phone.advance(15_000)

    assert "user_input_timeout" not in bot.told


def test_what_was_set_for_the_session_is_kept() -> None:
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

    assert bot.told.count("session_start") == 3
    assert phone.heard == ["Nobody is there"]


def test_a_message_that_fails_while_it_rings_is_reported_when_the_call_is_back() -> None:
    message = act("send_sms", phone_number="491713920050", message="We will call you back")
    phone, bot = call(transferring([message, WITH_FALLBACK]), transfer="busy", sms="failed")
    phone.settle()

    assert bot.told[:4] == ["session_start", "session_start", "assistant_speak", "sms_failed"]


def test_a_switch_that_is_turned_while_the_call_goes_on_holds_from_then_on() -> None:
    phone, bot = call(transferring(say("Hello"), dtmf_received=WITH_FALLBACK))
    phone.options = phone.options.model_copy(update={"transfer": "busy"})
    phone.presses("0")
    phone.settle()

    assert bot.told.count("session_start") == 2
