from aiflow_local.simulator.engine.bot_connection import DeliveryFailure
from tests.unit.local.simulator.fake_bots import Bot, act, answers, call, say


def test_the_caller_hangs_up_and_the_end_is_the_last_event_and_comes_once() -> None:
    phone, bot = call(answers(session_start=say("Hello", user_input_timeout_seconds=1)))
    phone.advance(100)
    phone.hangs_up()
    phone.hangs_up()
    phone.says("Hello?")
    phone.presses("1")
    phone.waits(60)

    assert bot.told == ["session_start", "assistant_speak", "session_end"]


def test_what_was_heard_until_the_end_is_known() -> None:
    phone, _ = call(answers(session_start=say("one two three")))
    phone.advance(900)
    phone.hangs_up()

    assert phone.heard == ["one two"]


def test_an_answer_to_the_end_is_not_obeyed_and_that_is_told() -> None:
    phone, bot = call(answers(session_end=[say("Come back"), act("hangup")]))
    phone.hangs_up()

    assert bot.told == ["session_start", "session_end"]
    assert phone.actions == []
    assert [problem.code for problem in phone.problems] == ["cut_off", "ignored_answer"]


def test_an_answer_to_user_speech_started_is_not_obeyed_and_that_is_told() -> None:
    bot = Bot(answers(user_speech_started=say("I hear you")), reports_speech_started=True)
    phone, _ = call(bot)
    phone.says("Hello")

    assert phone.actions == []
    assert [problem.code for problem in phone.problems] == ["ignored_answer"]


def test_what_follows_the_hangup_of_the_agent_never_happens() -> None:
    phone, bot = call(
        answers(
            session_start=say("Hello", user_input_timeout_seconds=5), dtmf_received=act("hangup")
        )
    )
    phone.presses("1", after_ms=100)
    phone.waits(60)

    assert bot.told == ["session_start", "assistant_speak", "dtmf_received", "session_end"]
    assert phone.clock.now_ms == 100


def test_an_end_that_cannot_be_reported_is_an_end() -> None:
    phone, bot = call(
        answers(session_end=DeliveryFailure("broken_off", "the connection broke off", 1.0)),
        failed_requests="hangup",
    )
    phone.hangs_up()

    assert phone.is_over
    assert bot.told.count("session_end") == 1


def test_an_end_that_cannot_be_reported_may_be_reported_again() -> None:
    phone, bot = call(
        answers(session_end=DeliveryFailure("broken_off", "the connection broke off", 1.0)),
        failed_requests="repeat",
    )
    phone.hangs_up()

    assert bot.told.count("session_end") == 2
    assert phone.is_over
