"""How a call went, in one line."""

from aiflow_local.simulator.console.summary import Tally
from aiflow_local.simulator.engine.bot_port import Failed
from tests.unit.local.simulator.fake_bots import Script, answers, call, ok, say


def tally_of(script: Script, *turns: str) -> Tally:
    tally = Tally()
    phone, _ = call(script)
    for words in turns:
        if words.isdecimal():
            phone.presses(words)
        else:
            phone.says(words)
    phone.hangs_up()
    for entry in phone.transcript.entries:
        tally.add(entry)
    return tally


def test_a_call_without_a_word_is_told_as_such() -> None:
    tally = tally_of(answers())
    assert str(tally) == "no turns, slowest answer 1 ms, no errors, no warnings"
    assert tally.is_fine


def test_a_row_of_keys_is_one_turn() -> None:
    assert tally_of(answers(), "hello", "123", "you", "45").turns == 4


def test_the_slowest_answer_is_told() -> None:
    answer = ok('{"type": "hangup", "session_id": "x"}', ms=1234)
    assert tally_of(answers(user_speak=answer), "hello").slowest_ms == 1234


def test_a_bot_that_never_answered_has_no_slowest_answer() -> None:
    silent = Failed("timeout", "did not answer", 5000)
    tally = tally_of(lambda _: silent)
    assert str(tally) == "no turns, no answers, 2 errors, no warnings"


def test_an_error_is_not_fine() -> None:
    tally = tally_of(answers(user_speak=Failed("timeout", "did not answer", 5000)), "hello")
    assert (tally.errors, tally.warnings, tally.is_fine) == (1, 0, False)
    assert "1 error, no warnings" in str(tally)


def test_a_warning_is_fine() -> None:
    tally = tally_of(answers(session_end=say("Goodbye")))
    assert (tally.errors, tally.warnings, tally.is_fine) == (0, 1, True)


def test_a_handler_that_fails_is_not_fine_although_the_caller_hears_something() -> None:
    tally = tally_of(answers(), "hello")
    tally.add_fault()
    tally.add_fault()
    assert not tally.is_fine
    assert str(tally).endswith("no errors, no warnings, 2 handlers failed")
