"""Which transfers and messages may be sent, by phone number, whatever a handler returns."""

import subprocess
import sys
from typing import Any

import pytest

from aiflow import Call, Event, Reply, SendSms, Session
from aiflow.domain.spending_policy import deny_reason
from aiflow.protocol.types import JsonObject
from tests.helpers.in_process import CallDriver
from tests.helpers.items import action
from tests.helpers.numbers import (
    CALLABLE,
    COUNTRIES,
    HAND_PICKED,
    ISLANDS,
    Example,
    international_examples,
    national_examples,
)
from tests.helpers.runtime import make_settings

# Reserved for fiction by the Bundesnetzagentur.
OWN = "493023125000"
LANDLINE = "493023125001"
CALLER = "491713920050"
MOBILE = "491713920051"
BLOCKED_MESSAGE = "I am sorry, I cannot do that."

INBOUND: JsonObject = {
    "direction": "inbound",
    "from_phone_number": CALLER,
    "to_phone_number": OWN,
    "phone_number": OWN,
}
OUTBOUND: JsonObject = {
    "direction": "outbound",
    "from_phone_number": OWN,
    "to_phone_number": CALLER,
    "phone_number": CALLER,
}

NATIONAL, INTERNATIONAL = national_examples(), international_examples()
DEFAULTS = make_settings()
ANYONE = make_settings(sms_recipients="anyone")
EVERYWHERE = make_settings(sms_recipients="anyone", allowed_countries=frozenset(COUNTRIES))


def transfer(number: str) -> JsonObject:
    return action("transfer", target_phone_number=number)


def sms(number: str) -> JsonObject:
    return action("send_sms", phone_number=number)


def called_number(number: str) -> JsonObject:
    """Return the session members of a call to this number."""
    return {"to_phone_number": number}


class TestNumberKinds:
    def test_the_examples_are_many_and_include_allowed_and_denied_kinds(self) -> None:
        wanted = {example.kind in CALLABLE for example in NATIONAL}
        assert len(NATIONAL) + len(INTERNATIONAL) + len(HAND_PICKED) > 250
        assert wanted == {True, False}

    @pytest.mark.parametrize("example", NATIONAL, ids=str)
    def test_in_an_allowed_country_only_ordinary_kinds_may_be_called(
        self, example: Example
    ) -> None:
        expected = None if example.kind in CALLABLE else "kind"
        assert deny_reason(transfer(example.digits), INBOUND, EVERYWHERE) == expected

    @pytest.mark.parametrize("example", NATIONAL, ids=str)
    def test_in_an_allowed_country_only_mobile_numbers_may_be_texted(
        self, example: Example
    ) -> None:
        found = deny_reason(sms(example.digits), INBOUND, EVERYWHERE)
        if example.kind == "mobile":
            assert found is None
        elif example.kind != "fixed":  # In some plans a landline may be a mobile number.
            assert found == "kind"

    @pytest.mark.parametrize("example", NATIONAL, ids=str)
    def test_numbers_of_other_countries_are_denied(self, example: Example) -> None:
        for made in (transfer(example.digits), sms(example.digits)):
            found = deny_reason(made, INBOUND, ANYONE)
            if example.country != "DE":
                assert found in {"kind", "country"}
            elif example.kind in CALLABLE and made["type"] == "transfer":
                assert found is None

    @pytest.mark.parametrize(
        "example",
        [example for example in national_examples(ISLANDS) if example.kind == "fixed"],
        ids=str,
    )
    def test_an_island_country_is_distinguished_from_its_larger_neighbour(
        self, example: Example
    ) -> None:
        for made in (transfer(example.digits), sms(example.digits)):
            assert deny_reason(made, INBOUND, EVERYWHERE) in {"kind", "country"}

    @pytest.mark.parametrize("example", INTERNATIONAL, ids=str)
    def test_international_networks_are_denied(self, example: Example) -> None:
        for made in (transfer(example.digits), sms(example.digits)):
            assert deny_reason(made, INBOUND, EVERYWHERE)

    @pytest.mark.parametrize(("number", "expected"), HAND_PICKED.items())
    def test_numbers_that_only_look_ordinary_are_denied(self, number: str, expected: str) -> None:
        assert deny_reason(transfer(number), INBOUND, DEFAULTS) == expected

    @pytest.mark.parametrize(
        "number", ["491713920050", "491713920099", "4915228817386", "4917299259040"]
    )
    def test_a_german_mobile_number_may_be_called_and_texted(self, number: str) -> None:
        assert deny_reason(transfer(number), INBOUND, DEFAULTS) is None
        assert deny_reason(sms(number), INBOUND, ANYONE) is None

    def test_a_landline_may_be_called_but_not_texted(self) -> None:
        assert deny_reason(transfer(LANDLINE), INBOUND, DEFAULTS) is None
        assert deny_reason(sms(LANDLINE), INBOUND, ANYONE) == "kind"


class TestCountry:
    @pytest.mark.parametrize(
        ("own", "theirs"),
        [
            ("4312345678", "436641234567"),
            ("12025550100", "12025550123"),
            ("390612345678", "393123456789"),
        ],
    )
    def test_without_a_list_the_country_of_the_called_number_is_allowed(
        self, own: str, theirs: str
    ) -> None:
        assert deny_reason(transfer(theirs), called_number(own), DEFAULTS) is None
        assert deny_reason(transfer(LANDLINE), called_number(own), DEFAULTS) == "country"

    @pytest.mark.parametrize("own", ["", "nobody", "881612345678", None])
    def test_with_an_unknown_called_number_germany_is_allowed(self, own: str | None) -> None:
        session: JsonObject = {"to_phone_number": own}
        assert deny_reason(transfer(LANDLINE), session, DEFAULTS) is None
        assert deny_reason(transfer("12025550123"), session, DEFAULTS) == "country"

    def test_in_an_outbound_call_the_country_of_the_calling_number_is_allowed(self) -> None:
        session: JsonObject = {**OUTBOUND, "to_phone_number": "12025550123"}
        assert deny_reason(transfer(MOBILE), session, DEFAULTS) is None
        assert deny_reason(transfer("12025550124"), session, DEFAULTS) == "country"

    def test_a_list_of_countries_replaces_the_default(self) -> None:
        limits = make_settings(allowed_countries="at, ch")
        assert deny_reason(transfer("436641234567"), INBOUND, limits) is None
        assert deny_reason(transfer(LANDLINE), INBOUND, limits) == "country"


class TestAllowedNumbers:
    @pytest.mark.parametrize("number", ["499001234567", "881612345678", "12025550123"])
    def test_a_listed_number_is_allowed_whatever_its_kind(self, number: str) -> None:
        limits = make_settings(allowed_numbers=f"+{number},49302312")
        assert deny_reason(transfer(number), INBOUND, limits) is None
        assert deny_reason(transfer(f"+{number}"), INBOUND, limits) is None
        assert deny_reason(sms(number), INBOUND, limits) is None

    def test_a_listed_number_is_matched_exactly(self) -> None:
        limits = make_settings(allowed_numbers="499001234567")
        assert deny_reason(transfer("4990012345678"), INBOUND, limits) is not None

    def test_a_listed_number_is_still_denied_by_the_kill_switch_and_the_loop_check(self) -> None:
        limits = make_settings(allowed_numbers=OWN)
        assert deny_reason(transfer(OWN), INBOUND, limits) == "loop"
        off = make_settings(allowed_numbers=MOBILE, billable_actions="disabled")
        assert deny_reason(transfer(MOBILE), INBOUND, off) == "disabled"
        assert deny_reason(sms(CALLER), INBOUND, off) == "disabled"


class TestLoop:
    @pytest.mark.parametrize("written", [OWN, f"+{OWN}", f"00{OWN}"])
    @pytest.mark.parametrize("member", ["to_phone_number", "phone_number"])
    def test_a_transfer_to_the_called_number_is_denied(self, member: str, written: str) -> None:
        assert deny_reason(transfer(OWN), {member: written}, DEFAULTS) == "loop"

    def test_in_an_outbound_call_a_transfer_to_the_calling_number_is_denied(self) -> None:
        assert deny_reason(transfer(OWN), OUTBOUND, DEFAULTS) == "loop"


class TestSmsRecipients:
    @pytest.mark.parametrize("written", [CALLER, f"+{CALLER}", f"00{CALLER}"])
    def test_only_the_caller_may_be_texted(self, written: str) -> None:
        session: JsonObject = {**INBOUND, "from_phone_number": written}
        assert deny_reason(sms(CALLER), session, DEFAULTS) is None
        assert deny_reason(sms(MOBILE), session, DEFAULTS) == "recipient"

    def test_in_an_outbound_call_only_the_callee_may_be_texted(self) -> None:
        assert deny_reason(sms(CALLER), OUTBOUND, DEFAULTS) is None
        assert deny_reason(sms(MOBILE), OUTBOUND, DEFAULTS) == "recipient"

    @pytest.mark.parametrize("caller", ["", "anonymous", None])
    def test_an_anonymous_caller_cannot_be_texted(self, caller: str | None) -> None:
        session: JsonObject = {**INBOUND, "from_phone_number": caller}
        for number in (CALLER, "", "anonymous"):
            assert deny_reason(sms(number), session, DEFAULTS)

    def test_a_caller_with_a_landline_or_foreign_number_cannot_be_texted(self) -> None:
        for number, expected in ((LANDLINE, "kind"), ("436641234567", "country")):
            session: JsonObject = {**INBOUND, "from_phone_number": number}
            assert deny_reason(sms(number), session, DEFAULTS) == expected


def transferring_to(number: str, then: str = "") -> Any:  # noqa: ANN401 - a handler
    """Make a handler that transfers to a number, and may say something first."""

    def handle(event: Event, call: Call) -> Reply:
        moved = call.transfer(number, caller_id_name="Agent", caller_id_number=LANDLINE)
        return [call.speak(then), moved] if then else moved

    return handle


class TestBlockedActions:
    PREMIUM = "499001234567"

    def test_the_caller_hears_the_blocked_message_instead_of_a_blocked_action(self) -> None:
        driver = CallDriver(transferring_to(self.PREMIUM))
        assert driver.send("user_speak", text="transfer me") == {
            "type": "speak",
            "session_id": "session-123",
            "text": BLOCKED_MESSAGE,
            "user_input_timeout_seconds": 8,
        }
        assert driver.record.billable_keys == ()
        assert driver.record.status.value == "active"
        assert driver.record.turns[-1].text == BLOCKED_MESSAGE

    def test_the_blocked_message_is_a_setting(self) -> None:
        driver = CallDriver(
            transferring_to(self.PREMIUM),
            settings=make_settings(blocked_message="Das darf ich nicht."),
        )
        assert driver.send("user_speak", text="transfer me")["text"] == "Das darf ich nicht."

    def test_speech_beside_a_blocked_action_replaces_the_blocked_message(self) -> None:
        driver = CallDriver(transferring_to(self.PREMIUM, "One moment."))
        assert driver.send("user_speak", text="transfer me")["text"] == "One moment."

    def test_two_blocked_actions_lead_to_one_blocked_message(self) -> None:
        def both(event: Event, call: Call) -> Reply:
            return [
                call.mix_audio(stop=True),
                call.send_sms(MOBILE, "Hello"),
                transfer_handler(event, call),
            ]

        transfer_handler = transferring_to(self.PREMIUM)
        driver = CallDriver(both)
        assert driver.types("user_speak", text="all of it") == ["mix_audio", "speak"]
        assert driver.log.metrics()[-1]["PolicyBlocked"] == [2]

    def test_an_answer_with_a_hangup_gets_no_blocked_message(self) -> None:
        driver = CallDriver(lambda event, call: [call.send_sms(MOBILE, "Hello"), call.hangup()])
        assert driver.types("user_speak", text="bye") == ["hangup"]

    def test_a_blocked_action_is_counted_and_logged_without_its_number(self) -> None:
        driver = CallDriver(transferring_to(self.PREMIUM))
        driver.send("user_speak", text="transfer me")
        entry = driver.log.entries()[-1]
        assert (entry["outcome"], entry["blocked"]) == ("answered", ["transfer:kind"])
        assert driver.log.metrics()[-1]["PolicyBlocked"] == [1]
        assert "BillableActions" not in driver.log.metrics()[-1]
        assert self.PREMIUM not in driver.log.getvalue()

    def test_a_deferred_action_is_checked_when_it_is_due(self) -> None:
        def announce(event: Event, call: Call) -> Reply:
            moved = call.transfer(OWN, caller_id_name="Agent", caller_id_number=LANDLINE)
            return call.speak("I am connecting you.").then(moved)

        driver = CallDriver(announce)
        driver.send("user_speak", text="a person", session={"to_phone_number": OWN})
        assert driver.send("assistant_speech_ended")["text"] == BLOCKED_MESSAGE
        assert driver.log.entries()[-1]["blocked"] == ["transfer:loop"]

    def test_an_invalid_number_is_blocked_even_in_a_copied_action(self) -> None:
        """`model_copy` does not validate."""

        def bend(event: Event, call: Call) -> Reply:
            moved = call.transfer(MOBILE, caller_id_name="Agent", caller_id_number=LANDLINE)
            return moved.model_copy(update={"target_phone_number": "0900123456"})

        driver = CallDriver(bend)
        assert driver.send("user_speak", text="go")["text"] == BLOCKED_MESSAGE

    def test_the_same_message_twice_in_one_answer_is_sent_once(self) -> None:
        driver = CallDriver(lambda event, call: [call.send_sms(CALLER, "Hello")] * 2)
        caller = {"from_phone_number": CALLER}
        assert driver.types("user_speak", text="text me", session=caller) == ["send_sms"]

    def test_a_handler_can_check_an_action_with_allows(self) -> None:
        asked: list[bool] = []

        def ask(event: Event, call: Call) -> Reply:
            mine, theirs = call.send_sms(CALLER, "Hello"), call.send_sms(MOBILE, "Hello")
            asked.extend(call.allows(made) for made in (mine, theirs, call.speak("Hello")))
            return mine

        driver = CallDriver(ask)
        caller = {"from_phone_number": CALLER}
        driver.send("user_speak", text="text me", session=caller)
        driver.send("user_speak", text="again")
        # At the second event, the first message has been sent.
        assert asked == [True, False, True, False, False, True]

    def test_outside_of_the_pipeline_every_action_is_allowed(self) -> None:
        made = SendSms(session_id="1", phone_number=MOBILE, message="Hello")
        assert Call(Session(id="1")).allows(made)


PROGRAM = """
import sys
from aiflow import Call, Event, Reply, entrypoint
from tests.helpers.runtime import invoke, make_runtime

def handle(event: Event, call: Call) -> Reply:
    if event.type == "dtmf_received":
        return call.transfer("{number}", caller_id_name="A", caller_id_number="{number}")
    return call.speak("One moment.").then(call.hangup())

runtime = make_runtime()
for name in ("session_start", "user_speak", "dtmf_received", "session_end")[:{events}]:
    event = {{"type": name, "text": "Hi", "digit": "1", "session": {{"id": "1"}}}}
    invoke(entrypoint(handle), event, runtime)
print("phonenumbers" in sys.modules)
"""


@pytest.mark.parametrize(("events", "loaded"), [(2, "False"), (4, "True")])
def test_the_numbering_plans_are_loaded_only_when_a_number_is_checked(
    events: int, loaded: str
) -> None:
    program = PROGRAM.format(number=LANDLINE, events=events)
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.split() == [loaded]
