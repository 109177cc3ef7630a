import pytest

from aiflow.protocol.lint import lint_event
from aiflow_local.simulator.engine.options import ServiceOptions
from aiflow_local.simulator.engine.parties import CallParties


def test_a_session_has_all_members() -> None:
    parties = CallParties(session_id="session-123")

    assert parties.as_session(ServiceOptions()) == {
        "id": "session-123",
        "account_id": "account-123",
        "phone_number": "493023125000",
        "direction": "inbound",
        "from_phone_number": "493023125001",
        "to_phone_number": "493023125000",
    }


def test_a_session_may_have_only_its_id() -> None:
    parties = CallParties(session_id="session-123")

    assert parties.as_session(ServiceOptions(session_members="id")) == {"id": "session-123"}


@pytest.mark.parametrize("number", ["493023125001", "+493023125001"])
@pytest.mark.parametrize(
    ("numbers", "told"), [("plain", "493023125001"), ("plus", "+493023125001")]
)
def test_numbers_are_written_with_or_without_plus(number: str, numbers: str, told: str) -> None:
    options = ServiceOptions.model_validate({"numbers": numbers})
    session = CallParties(caller=number, callee=number).as_session(options)

    assert [session[name] for name in ("phone_number", "from_phone_number", "to_phone_number")] == [
        told
    ] * 3


@pytest.mark.parametrize("numbers", ["plain", "plus"])
def test_an_anonymous_caller_has_no_number(numbers: str) -> None:
    session = CallParties(caller="").as_session(ServiceOptions.model_validate({"numbers": numbers}))

    assert session["from_phone_number"] == ""


def test_the_called_number_is_the_number_of_an_outbound_session() -> None:
    session = CallParties(
        direction="outbound", caller="493023125000", callee="493023125001"
    ).as_session(ServiceOptions())

    assert session["direction"] == "outbound"
    assert session["phone_number"] == session["to_phone_number"] == "493023125001"


def test_each_call_has_an_id_of_its_own() -> None:
    assert CallParties().session_id != CallParties().session_id


@pytest.mark.parametrize("members", ["all", "id"])
def test_a_session_makes_a_valid_event(members: str) -> None:
    session = CallParties().as_session(ServiceOptions.model_validate({"session_members": members}))

    assert lint_event({"type": "session_start", "session": session}) == []
