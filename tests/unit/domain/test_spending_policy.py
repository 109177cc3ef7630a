"""Which transfers and messages may leave: by number, whatever a handler or a model says."""

import subprocess
import sys
from typing import Any

import pytest

from aiflow import Call, Event, Reply, SendSms, Session
from aiflow.domain.spending_policy import deny_reason
from aiflow.protocol.types import JsonObject
from tests.helpers.in_process import Line
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

# Kept for fiction by the Bundesnetzagentur.
OWN = "493023125000"
LANDLINE = "493023125001"
CALLER = "491713920050"
MOBILE = "491713920051"
REFUSAL = "I am sorry, I cannot do that."

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


def of_number(number: str) -> JsonObject:
    """Members of a session in which this number was called."""
    return {"to_phone_number": number}


class TestTheTable:
    def test_it_is_large_and_has_both_directions(self) -> None:
        wanted = {example.kind in CALLABLE for example in NATIONAL}
        assert len(NATIONAL) + len(INTERNATIONAL) + len(HAND_PICKED) > 250
        assert wanted == {True, False}

    @pytest.mark.parametrize("example", NATIONAL, ids=str)
    def test_of_the_kinds_in_an_allowed_country_the_ordinary_ones_are_called(
        self, example: Example
    ) -> None:
        expected = None if example.kind in CALLABLE else "kind"
        assert deny_reason(transfer(example.digits), INBOUND, EVERYWHERE) == expected

    @pytest.mark.parametrize("example", NATIONAL, ids=str)
    def test_of_the_kinds_in_an_allowed_country_the_mobile_ones_are_texted(
        self, example: Example
    ) -> None:
        found = deny_reason(sms(example.digits), INBOUND, EVERYWHERE)
        if example.kind == "mobile":
            assert found is None
        elif example.kind != "fixed":  # In some plans a landline could be a mobile one.
            assert found == "kind"

    @pytest.mark.parametrize("example", NATIONAL, ids=str)
    def test_no_other_country_is_called_or_texted(self, example: Example) -> None:
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
    def test_an_island_is_not_its_larger_neighbour(self, example: Example) -> None:
        for made in (transfer(example.digits), sms(example.digits)):
            assert deny_reason(made, INBOUND, EVERYWHERE) in {"kind", "country"}

    @pytest.mark.parametrize("example", INTERNATIONAL, ids=str)
    def test_what_is_of_no_country_is_never_reached(self, example: Example) -> None:
        for made in (transfer(example.digits), sms(example.digits)):
            assert deny_reason(made, INBOUND, EVERYWHERE)

    @pytest.mark.parametrize(("number", "expected"), HAND_PICKED.items())
    def test_what_looks_harmless_is_looked_at_closely(self, number: str, expected: str) -> None:
        assert deny_reason(transfer(number), INBOUND, DEFAULTS) == expected

    @pytest.mark.parametrize(
        "number", ["491713920050", "491713920099", "4915228817386", "4917299259040"]
    )
    def test_a_german_mobile_is_called_and_texted(self, number: str) -> None:
        assert deny_reason(transfer(number), INBOUND, DEFAULTS) is None
        assert deny_reason(sms(number), INBOUND, ANYONE) is None

    def test_a_landline_is_called_and_not_texted(self) -> None:
        assert deny_reason(transfer(LANDLINE), INBOUND, DEFAULTS) is None
        assert deny_reason(sms(LANDLINE), INBOUND, ANYONE) == "kind"


class TestTheCountry:
    @pytest.mark.parametrize(
        ("own", "theirs"),
        [
            ("4312345678", "436641234567"),
            ("12025550100", "12025550123"),
            ("390612345678", "393123456789"),
        ],
    )
    def test_without_a_list_it_is_that_of_the_number_that_was_called(
        self, own: str, theirs: str
    ) -> None:
        assert deny_reason(transfer(theirs), of_number(own), DEFAULTS) is None
        assert deny_reason(transfer(LANDLINE), of_number(own), DEFAULTS) == "country"

    @pytest.mark.parametrize("own", ["", "nobody", "881612345678", None])
    def test_where_that_is_not_known_it_is_germany(self, own: str | None) -> None:
        session: JsonObject = {"to_phone_number": own}
        assert deny_reason(transfer(LANDLINE), session, DEFAULTS) is None
        assert deny_reason(transfer("12025550123"), session, DEFAULTS) == "country"

    def test_in_a_call_of_ours_it_is_that_of_the_number_that_calls(self) -> None:
        session: JsonObject = {**OUTBOUND, "to_phone_number": "12025550123"}
        assert deny_reason(transfer(MOBILE), session, DEFAULTS) is None
        assert deny_reason(transfer("12025550124"), session, DEFAULTS) == "country"

    def test_a_list_is_all_there_is(self) -> None:
        limits = make_settings(allowed_countries="at, ch")
        assert deny_reason(transfer("436641234567"), INBOUND, limits) is None
        assert deny_reason(transfer(LANDLINE), INBOUND, limits) == "country"


class TestTheList:
    @pytest.mark.parametrize("number", ["499001234567", "881612345678", "12025550123"])
    def test_a_number_on_it_is_reached_whatever_it_is(self, number: str) -> None:
        limits = make_settings(allowed_numbers=f"+{number},49302312")
        assert deny_reason(transfer(number), INBOUND, limits) is None
        assert deny_reason(transfer(f"+{number}"), INBOUND, limits) is None
        assert deny_reason(sms(number), INBOUND, limits) is None

    def test_it_allows_exact_numbers_only(self) -> None:
        limits = make_settings(allowed_numbers="499001234567")
        assert deny_reason(transfer("4990012345678"), INBOUND, limits) is not None

    def test_it_does_not_help_against_the_kill_switch_or_a_loop(self) -> None:
        limits = make_settings(allowed_numbers=OWN)
        assert deny_reason(transfer(OWN), INBOUND, limits) == "loop"
        off = make_settings(allowed_numbers=MOBILE, billable_actions="disabled")
        assert deny_reason(transfer(MOBILE), INBOUND, off) == "disabled"
        assert deny_reason(sms(CALLER), INBOUND, off) == "disabled"


class TestTheOwnNumber:
    @pytest.mark.parametrize("written", [OWN, f"+{OWN}", f"00{OWN}"])
    @pytest.mark.parametrize("member", ["to_phone_number", "phone_number"])
    def test_nobody_is_transferred_to_where_the_call_came_in(
        self, member: str, written: str
    ) -> None:
        assert deny_reason(transfer(OWN), {member: written}, DEFAULTS) == "loop"

    def test_in_a_call_of_ours_that_is_the_number_that_calls(self) -> None:
        assert deny_reason(transfer(OWN), OUTBOUND, DEFAULTS) == "loop"


class TestWhoIsTexted:
    @pytest.mark.parametrize("written", [CALLER, f"+{CALLER}", f"00{CALLER}"])
    def test_the_caller_and_nobody_else(self, written: str) -> None:
        session: JsonObject = {**INBOUND, "from_phone_number": written}
        assert deny_reason(sms(CALLER), session, DEFAULTS) is None
        assert deny_reason(sms(MOBILE), session, DEFAULTS) == "recipient"

    def test_in_a_call_of_ours_whoever_was_called(self) -> None:
        assert deny_reason(sms(CALLER), OUTBOUND, DEFAULTS) is None
        assert deny_reason(sms(MOBILE), OUTBOUND, DEFAULTS) == "recipient"

    @pytest.mark.parametrize("caller", ["", "anonymous", None])
    def test_nobody_when_the_caller_is_anonymous(self, caller: str | None) -> None:
        session: JsonObject = {**INBOUND, "from_phone_number": caller}
        for number in (CALLER, "", "anonymous"):
            assert deny_reason(sms(number), session, DEFAULTS)

    def test_not_at_a_landline_nor_abroad(self) -> None:
        for number, expected in ((LANDLINE, "kind"), ("436641234567", "country")):
            session: JsonObject = {**INBOUND, "from_phone_number": number}
            assert deny_reason(sms(number), session, DEFAULTS) == expected


def obey(number: str, then: str = "") -> Any:  # noqa: ANN401 - a handler
    """Make a handler that transfers wherever it is told to, and perhaps says something."""

    def handle(event: Event, call: Call) -> Reply:
        moved = call.transfer(number, caller_id_name="Agent", caller_id_number=LANDLINE)
        return [call.speak(then), moved] if then else moved

    return handle


class TestOnTheRoad:
    PREMIUM = "499001234567"

    def test_the_caller_hears_a_sentence_in_place_of_what_was_blocked(self) -> None:
        line = Line(obey(self.PREMIUM))
        assert line.send("user_speak", text="transfer me") == {
            "type": "speak",
            "session_id": "session-123",
            "text": REFUSAL,
            "user_input_timeout_seconds": 8,
        }
        assert line.item.billable_keys == ()
        assert line.item.status.value == "active"
        assert line.item.turns[-1].text == REFUSAL

    def test_the_sentence_is_the_operators_own(self) -> None:
        line = Line(
            obey(self.PREMIUM), settings=make_settings(blocked_message="Das darf ich nicht.")
        )
        assert line.send("user_speak", text="transfer me")["text"] == "Das darf ich nicht."

    def test_what_is_said_beside_it_is_said_alone(self) -> None:
        line = Line(obey(self.PREMIUM, "One moment."))
        assert line.send("user_speak", text="transfer me")["text"] == "One moment."

    def test_two_of_them_are_refused_in_one_sentence(self) -> None:
        def both(event: Event, call: Call) -> Reply:
            return [call.mix_audio(stop=True), call.send_sms(MOBILE, "Hello"), obeyed(event, call)]

        obeyed = obey(self.PREMIUM)
        line = Line(both)
        assert line.types("user_speak", text="all of it") == ["mix_audio", "speak"]
        assert line.log.metrics()[-1]["PolicyBlocked"] == [2]

    def test_whoever_is_hung_up_on_hears_no_refusal(self) -> None:
        line = Line(lambda event, call: [call.send_sms(MOBILE, "Hello"), call.hangup()])
        assert line.types("user_speak", text="bye") == ["hangup"]

    def test_it_is_counted_and_logged_without_its_number(self) -> None:
        line = Line(obey(self.PREMIUM))
        line.send("user_speak", text="transfer me")
        entry = line.log.entries()[-1]
        assert (entry["outcome"], entry["blocked"]) == ("answered", ["transfer:kind"])
        assert line.log.metrics()[-1]["PolicyBlocked"] == [1]
        assert "BillableActions" not in line.log.metrics()[-1]
        assert self.PREMIUM not in line.log.getvalue()

    def test_what_waits_for_a_speech_is_judged_when_it_is_due(self) -> None:
        def announce(event: Event, call: Call) -> Reply:
            moved = call.transfer(OWN, caller_id_name="Agent", caller_id_number=LANDLINE)
            return call.speak("I am connecting you.").then(moved)

        line = Line(announce)
        line.send("user_speak", text="a person", session={"to_phone_number": OWN})
        assert line.send("assistant_speech_ended")["text"] == REFUSAL
        assert line.log.entries()[-1]["blocked"] == ["transfer:loop"]

    def test_what_is_no_number_by_any_plan_does_not_leave_whoever_made_it(self) -> None:
        """Models that are copied are not checked again."""

        def bend(event: Event, call: Call) -> Reply:
            moved = call.transfer(MOBILE, caller_id_name="Agent", caller_id_number=LANDLINE)
            return moved.model_copy(update={"target_phone_number": "0900123456"})

        line = Line(bend)
        assert line.send("user_speak", text="go")["text"] == REFUSAL

    def test_the_same_message_twice_in_one_answer_leaves_once(self) -> None:
        line = Line(lambda event, call: [call.send_sms(CALLER, "Hello")] * 2)
        caller = {"from_phone_number": CALLER}
        assert line.types("user_speak", text="text me", session=caller) == ["send_sms"]

    def test_a_handler_may_ask_before_it_promises(self) -> None:
        asked: list[bool] = []

        def ask(event: Event, call: Call) -> Reply:
            mine, theirs = call.send_sms(CALLER, "Hello"), call.send_sms(MOBILE, "Hello")
            asked.extend(call.allows(made) for made in (mine, theirs, call.speak("Hello")))
            return mine

        line = Line(ask)
        caller = {"from_phone_number": CALLER}
        line.send("user_speak", text="text me", session=caller)
        line.send("user_speak", text="again")
        # The second time it has been sent already.
        assert asked == [True, False, True, False, False, True]

    def test_without_the_road_everything_is_allowed(self) -> None:
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
def test_the_numbering_plans_are_loaded_when_a_number_is_about_to_be_used(
    events: int, loaded: str
) -> None:
    program = PROGRAM.format(number=LANDLINE, events=events)
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.split() == [loaded]
