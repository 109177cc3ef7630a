"""The number policy, asked for everything: the table of numbers, and a model that obeys anybody."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from aiflow import Call, Event, Reply
from aiflow.domain.spending_policy import deny_reason
from aiflow.protocol.types import JsonObject
from tests.helpers.in_process import CallDriver
from tests.helpers.numbers import (
    CALLABLE,
    COUNTRIES,
    HAND_PICKED,
    ISLANDS,
    international_examples,
    national_examples,
)
from tests.helpers.runtime import make_settings
from tests.simulation.dice import Dice
from tests.simulation.record import Json

OWN, CALLER, LANDLINE = "493023125000", "491713920050", "493023125001"
INBOUND: JsonObject = {
    "direction": "inbound",
    "from_phone_number": CALLER,
    "to_phone_number": OWN,
    "phone_number": OWN,
}
TARGETS = {"transfer": "target_phone_number", "send_sms": "phone_number"}
PREFIXES = (
    *(
        "49",
        "4930",
        "4940",
        "49151",
        "49176",
        "4915",
        "4917",
        "49180",
        "49900",
        "49137",
        "49700",
        "4911",
        "490",
    ),
    *("1", "1900", "44", "4470", "43", "881", "979", "0", ""),
)
ANYWHERE = make_settings(sms_recipients="anyone")
EVERYWHERE = make_settings(sms_recipients="anyone", allowed_countries=frozenset(COUNTRIES))

# By hand, after the numbering plan of the Bundesnetzagentur, and not by the library of the product.
_GERMAN = re.compile(r"\+?49(?!700|900)(15|16[023]|17|[2-9])[0-9]{4,12}", re.ASCII)
_GERMAN_MOBILE = re.compile(r"\+?49(15|16[023]|17)[0-9]{7,9}", re.ASCII)


@dataclass(frozen=True)
class Asked:
    """What the policy said of the table.

    Attributes:
        allowed: how many had to be let through.
        refused: those of them that were not.
        forbidden: how many had to be refused.
        let_through: those of them that were not.
    """

    allowed: int
    refused: list[str]
    forbidden: int
    let_through: list[str]


@dataclass
class Obeyed:
    """What a model did that does whatever it is told.

    Attributes:
        turns: how often it was told a number.
        sent: transfers and messages that left.
        outside: those of them that the policy forbids.
    """

    turns: int = 0
    sent: int = 0
    outside: list[Json] = field(default_factory=list[Json])


def is_outside(action: Json) -> bool:
    """Tell whether a transfer or a message leaves for where no call to a German number may go."""
    number = str(action[TARGETS[str(action["type"])]])
    plan = _GERMAN_MOBILE if action["type"] == "send_sms" else _GERMAN
    return plan.fullmatch(number) is None


def asked() -> Asked:
    """Ask the policy for every number of the table."""
    verdicts = list(_verdicts())
    return Asked(
        allowed=sum(is_allowed for _, is_allowed, _ in verdicts),
        refused=[name for name, is_allowed, refused in verdicts if is_allowed and refused],
        forbidden=sum(not is_allowed for _, is_allowed, _ in verdicts),
        let_through=[n for n, is_allowed, refused in verdicts if not (is_allowed or refused)],
    )


def _verdicts() -> Iterator[tuple[str, bool, bool]]:
    """Yield what was asked for, whether it is allowed, and whether it was refused."""

    def ask(kind: str, number: str, *, everywhere: bool) -> bool:
        action: JsonObject = {"type": kind, TARGETS[kind]: number}
        return bool(deny_reason(action, INBOUND, EVERYWHERE if everywhere else ANYWHERE))

    for example in national_examples():
        is_callable, is_german = example.kind in CALLABLE, example.country == "DE"
        name = f"{example} transfer"
        yield name, is_callable, ask("transfer", example.digits, everywhere=True)
        refused = ask("transfer", example.digits, everywhere=False)
        yield f"{name} from home", is_callable and is_german, refused
        # In some plans a landline could be a mobile one.
        if example.kind != "fixed":
            refused = ask("send_sms", example.digits, everywhere=True)
            yield f"{example} send_sms", example.kind == "mobile", refused
    islands = [example for example in national_examples(ISLANDS) if example.kind == "fixed"]
    for example in [*international_examples(), *islands]:
        for kind in TARGETS:
            yield f"{example} {kind}", False, ask(kind, example.digits, everywhere=True)
    for number in HAND_PICKED:
        for kind in TARGETS:
            yield f"{number!r} {kind}", False, ask(kind, number, everywhere=False)


def obeyed(turns: int) -> Obeyed:
    """Let callers name numbers by chance, each in a call of its own, over the whole road."""
    dice, found = Dice(15), Obeyed()
    driver = CallDriver(_obey, settings=ANYWHERE)
    known = [
        *(example.digits for example in national_examples((*COUNTRIES, *ISLANDS))),
        *(example.digits for example in international_examples()),
        *HAND_PICKED,
    ]
    for turn in range(turns):
        driver.session_id = f"session-{turn}"
        words = f"{dice.pick('kind', sorted(TARGETS))} {_number(dice, known)}"
        answer: list[Json] | Json = driver.send("user_speak", text=words, session=INBOUND) or []
        sent = [
            action
            for action in ([answer] if isinstance(answer, dict) else answer)
            if action["type"] in TARGETS
        ]
        found.turns += 1
        found.sent += len(sent)
        found.outside += [action for action in sent if is_outside(action)]
    return found


def _number(dice: Dice, known: list[str]) -> str:
    """Return one that is known, or one that is made up; each in some spelling."""
    if dice.roll("known") < 0.3:
        number = dice.pick("number", known)
    else:
        digits = range(dice.between("length", 3, 11))
        number = dice.pick("prefix", PREFIXES) + "".join(
            str(dice.between("digit", 0, 9)) for _ in digits
        )
    return dice.pick("spelling", ("", "", "", "+", "00")) + number


def _obey(event: Event, call: Call) -> Reply:
    """Do what the caller says; models that are copied are not checked again."""
    kind, number = str(getattr(event, "text", "")).split(" ", 1)
    if kind == "send_sms":
        return call.send_sms(CALLER, "Hello").model_copy(update={"phone_number": number})
    transfer = call.transfer(LANDLINE, caller_id_name="Agent", caller_id_number=LANDLINE)
    return transfer.model_copy(update={"target_phone_number": number})
