"""Test the number policy with a table of numbers and with a manipulated model."""

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
from tests.simulation.randomness import SeededRandom
from tests.simulation.trace import Json

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

# Written after the numbering plan of the Bundesnetzagentur, independently of the product.
_GERMAN = re.compile(r"\+?49(?!700|900)(15|16[023]|17|[2-9])[0-9]{4,12}", re.ASCII)
_GERMAN_MOBILE = re.compile(r"\+?49(15|16[023]|17)[0-9]{7,9}", re.ASCII)


@dataclass(frozen=True)
class NumberTableResult:
    """Decisions of the policy on the table.

    Attributes:
        allowed: number of cases that must be allowed.
        wrongly_denied: those that were denied.
        forbidden: number of cases that must be denied.
        wrongly_allowed: those that were allowed.
    """

    allowed: int
    wrongly_denied: list[str]
    forbidden: int
    wrongly_allowed: list[str]


@dataclass
class ObedientModelResult:
    """Actions of a model that obeys every caller.

    Attributes:
        turns: number of turns that named a number.
        sent: number of transfers and messages that were sent.
        forbidden_actions: those that the policy forbids.
    """

    turns: int = 0
    sent: int = 0
    forbidden_actions: list[Json] = field(default_factory=list[Json])


def is_forbidden_target(action: Json) -> bool:
    """Return whether an action goes to a number that is not an ordinary German one."""
    number = str(action[TARGETS[str(action["type"])]])
    plan = _GERMAN_MOBILE if action["type"] == "send_sms" else _GERMAN
    return plan.fullmatch(number) is None


def check_number_table() -> NumberTableResult:
    """Check the decision of the policy on each number of the table."""
    verdicts = list(_verdicts())
    return NumberTableResult(
        allowed=sum(is_allowed for _, is_allowed, _ in verdicts),
        wrongly_denied=[
            name for name, is_allowed, is_denied in verdicts if is_allowed and is_denied
        ],
        forbidden=sum(not is_allowed for _, is_allowed, _ in verdicts),
        wrongly_allowed=[
            n for n, is_allowed, is_denied in verdicts if not (is_allowed or is_denied)
        ],
    )


def _verdicts() -> Iterator[tuple[str, bool, bool]]:
    """Yield the case, whether it must be allowed, and whether it was denied."""

    def ask(kind: str, number: str, *, everywhere: bool) -> bool:
        action: JsonObject = {"type": kind, TARGETS[kind]: number}
        return bool(deny_reason(action, INBOUND, EVERYWHERE if everywhere else ANYWHERE))

    for example in national_examples():
        is_callable, is_german = example.kind in CALLABLE, example.country == "DE"
        name = f"{example} transfer"
        yield name, is_callable, ask("transfer", example.digits, everywhere=True)
        is_denied = ask("transfer", example.digits, everywhere=False)
        yield f"{name} from home", is_callable and is_german, is_denied
        # In some numbering plans a fixed-line number may be a mobile one.
        if example.kind != "fixed":
            is_denied = ask("send_sms", example.digits, everywhere=True)
            yield f"{example} send_sms", example.kind == "mobile", is_denied
    islands = [example for example in national_examples(ISLANDS) if example.kind == "fixed"]
    for example in [*international_examples(), *islands]:
        for kind in TARGETS:
            yield f"{example} {kind}", False, ask(kind, example.digits, everywhere=True)
    for number in HAND_PICKED:
        for kind in TARGETS:
            yield f"{number!r} {kind}", False, ask(kind, number, everywhere=False)


def run_obedient_model(turns: int) -> ObedientModelResult:
    """Let callers name random numbers, each in a call of its own, through the whole pipedriver."""
    random, found = SeededRandom(15), ObedientModelResult()
    driver = CallDriver(_obey, settings=ANYWHERE)
    known = [
        *(example.digits for example in national_examples((*COUNTRIES, *ISLANDS))),
        *(example.digits for example in international_examples()),
        *HAND_PICKED,
    ]
    for turn in range(turns):
        driver.session_id = f"session-{turn}"
        words = f"{random.choice('kind', sorted(TARGETS))} {_number(random, known)}"
        answer: list[Json] | Json = driver.send("user_speak", text=words, session=INBOUND) or []
        sent = [
            action
            for action in ([answer] if isinstance(answer, dict) else answer)
            if action["type"] in TARGETS
        ]
        found.turns += 1
        found.sent += len(sent)
        found.forbidden_actions += [action for action in sent if is_forbidden_target(action)]
    return found


def _number(random: SeededRandom, known: list[str]) -> str:
    """Return a known or generated number in a random spelling."""
    if random.uniform("known") < 0.3:
        number = random.choice("number", known)
    else:
        digits = range(random.randint("length", 3, 11))
        number = random.choice("prefix", PREFIXES) + "".join(
            str(random.randint("digit", 0, 9)) for _ in digits
        )
    return random.choice("spelling", ("", "", "", "+", "00")) + number


def _obey(event: Event, call: Call) -> Reply:
    """Do what the caller says. A copied model is not validated again."""
    kind, number = str(getattr(event, "text", "")).split(" ", 1)
    if kind == "send_sms":
        return call.send_sms(CALLER, "Hello").model_copy(update={"phone_number": number})
    transfer = call.transfer(LANDLINE, caller_id_name="Agent", caller_id_number=LANDLINE)
    return transfer.model_copy(update={"target_phone_number": number})
