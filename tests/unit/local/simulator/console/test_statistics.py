"""The summary of a call."""

from aiflow_local.simulator.console.statistics import CallStatistics
from aiflow_local.simulator.engine.bot_connection import DeliveryFailure
from tests.unit.local.simulator.fake_bots import Script, answers, call, ok, say


def tally_of(script: Script, *turns: str) -> CallStatistics:
    statistics = CallStatistics()
    phone, _ = call(script)
    for words in turns:
        if words.isdecimal():
            phone.presses(words)
        else:
            phone.says(words)
    phone.hangs_up()
    for entry in phone.transcript.entries:
        statistics.add(entry)
    return statistics


def test_a_call_without_turns_has_a_summary() -> None:
    statistics = tally_of(answers())
    assert str(statistics) == "no turns, slowest answer 1 ms, no errors, no warnings"
    assert statistics.is_ok


def test_a_row_of_keys_is_one_turn() -> None:
    assert tally_of(answers(), "hello", "123", "you", "45").turns == 4


def test_the_summary_has_the_slowest_answer() -> None:
    answer = ok('{"type": "hangup", "session_id": "x"}', ms=1234)
    assert tally_of(answers(user_speak=answer), "hello").slowest_ms == 1234


def test_a_bot_that_never_answered_has_no_slowest_answer() -> None:
    silent = DeliveryFailure("timeout", "did not answer", 5000)
    statistics = tally_of(lambda _: silent)
    assert str(statistics) == "no turns, no answers, 2 errors, no warnings"


def test_an_error_is_not_ok() -> None:
    statistics = tally_of(
        answers(user_speak=DeliveryFailure("timeout", "did not answer", 5000)), "hello"
    )
    assert (statistics.errors, statistics.warnings, statistics.is_ok) == (1, 0, False)
    assert "1 error, no warnings" in str(statistics)


def test_a_warning_is_ok() -> None:
    statistics = tally_of(answers(session_end=say("Goodbye")))
    assert (statistics.errors, statistics.warnings, statistics.is_ok) == (0, 1, True)


def test_a_handler_error_is_not_ok_although_the_caller_hears_an_answer() -> None:
    statistics = tally_of(answers(), "hello")
    statistics.add_handler_error()
    statistics.add_handler_error()
    assert not statistics.is_ok
    assert str(statistics).endswith("no errors, no warnings, 2 handlers failed")
