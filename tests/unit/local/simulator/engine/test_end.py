from aiflow_local.simulator.engine.bot_connection import DeliveryFailure
from tests.unit.local.simulator.fake_bots import Bot, act, answers, call, say


def test_session_end_is_the_last_event_and_is_sent_once() -> None:
    phone, bot = call(answers(session_start=say("Hello", user_input_timeout_seconds=1)))
    phone.advance(100)
    phone.hangs_up()
    phone.hangs_up()
    phone.says("Hello?")
    phone.presses("1")
    phone.waits(60)

    assert bot.event_types == ["session_start", "assistant_speak", "session_end"]


def test_the_words_heard_before_a_hangup_are_recorded() -> None:
    phone, _ = call(answers(session_start=say("one two three")))
    phone.advance(900)
    phone.hangs_up()

    assert phone.heard == ["one two"]


def test_an_answer_to_session_end_is_ignored_with_a_warning() -> None:
    phone, bot = call(answers(session_end=[say("Come back"), act("hangup")]))
    phone.hangs_up()

    assert bot.event_types == ["session_start", "session_end"]
    assert phone.actions == []
    assert [problem.code for problem in phone.problems] == ["cut_off", "ignored_answer"]


def test_an_answer_to_user_speech_started_is_ignored_with_a_warning() -> None:
    bot = Bot(answers(user_speech_started=say("I hear you")), reports_speech_started=True)
    phone, _ = call(bot)
    phone.says("Hello")

    assert phone.actions == []
    assert [problem.code for problem in phone.problems] == ["ignored_answer"]


def test_actions_after_a_hangup_are_not_executed() -> None:
    phone, bot = call(
        answers(
            session_start=say("Hello", user_input_timeout_seconds=5), dtmf_received=act("hangup")
        )
    )
    phone.presses("1", after_ms=100)
    phone.waits(60)

    assert bot.event_types == ["session_start", "assistant_speak", "dtmf_received", "session_end"]
    assert phone.clock.now_ms == 100


def test_a_failed_session_end_ends_the_call() -> None:
    phone, bot = call(
        answers(session_end=DeliveryFailure("broken_off", "the connection broke off", 1.0)),
        failed_requests="hangup",
    )
    phone.hangs_up()

    assert phone.is_over
    assert bot.event_types.count("session_end") == 1


def test_a_failed_session_end_may_be_repeated() -> None:
    phone, bot = call(
        answers(session_end=DeliveryFailure("broken_off", "the connection broke off", 1.0)),
        failed_requests="repeat",
    )
    phone.hangs_up()

    assert bot.event_types.count("session_end") == 2
    assert phone.is_over
