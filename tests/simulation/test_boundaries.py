"""Hostile input, store comparison and concurrent processes, with small samples."""

import pytest

from tests.helpers.runtime import TOKEN
from tests.helpers.tables import ENVIRONMENT
from tests.simulation.concurrent_processes import run_concurrent_processes
from tests.simulation.differential import differences
from tests.simulation.hostile_input import (
    broken_markup,
    forged_lines,
    hostile_texts,
    send_bad_bodies,
)
from tests.simulation.lambda_emulator import run_emulated_calls
from tests.simulation.lambda_failures import run_failing_functions
from tests.simulation.long_call import long_call
from tests.simulation.number_policy import check_number_table, run_obedient_model


@pytest.fixture(autouse=True)
def aws_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)


def test_bad_bodies_are_rejected_and_the_token_is_not_logged() -> None:
    found = send_bad_bodies(500)
    assert found.failures == []
    assert found.from_corpus >= 100
    assert TOKEN not in found.log


def test_hostile_texts_are_spoken_unchanged_and_stay_in_one_log_line() -> None:
    texts = hostile_texts(200)
    assert broken_markup(texts) == []
    assert forged_lines(texts) == []


def test_memory_and_the_simulated_table_behave_as_moto() -> None:
    assert differences(20) == []


def test_a_very_long_call_stays_small_and_keeps_all_turns() -> None:
    found = long_call(60)
    assert found.item < 65_536
    assert 10_000 < found.answer < 120_000
    assert found.turns == 120


def test_the_policy_decides_correctly_on_each_number_of_the_table() -> None:
    found = check_number_table()
    assert min(found.allowed, found.forbidden) >= 100
    assert (found.wrongly_denied, found.wrongly_allowed) == ([], [])


def test_an_obedient_model_sends_no_action_to_a_forbidden_number() -> None:
    found = run_obedient_model(200)
    assert found.sent > 0
    assert found.forbidden_actions == []


def test_concurrent_processes_lose_no_answered_turn(
    dynalite_endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", dynalite_endpoint)
    found = run_concurrent_processes(3)
    assert found.answered > 0
    assert found.lost == 0
    assert found.commits == 1
    assert found.overlapped > 0


@pytest.mark.built
def test_calls_through_the_lambda_emulator_get_the_expected_answers() -> None:
    found = run_emulated_calls(5)
    assert found.failures == []
    assert found.calls == 5


@pytest.mark.built
def test_after_a_failed_invocation_the_next_event_is_answered_from_an_intact_record() -> None:
    found = run_failing_functions()
    assert found.failures == []
    assert len(found.messages) == 4
