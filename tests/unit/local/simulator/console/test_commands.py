"""What can be typed, and what is said about the rest."""

import pytest

from aiflow_local.simulator.console.commands import (
    COMMANDS,
    SAY,
    InvalidCommand,
    help_lines,
    parse_choice,
    parse_interruption,
    parse_keys,
    parse_line,
    parse_silence,
)


@pytest.mark.parametrize(
    ("line", "order"),
    [
        ("I want a person", (SAY, "I want a person")),
        ("  hello \n", (SAY, "hello")),
        ("", (SAY, "")),
        ("and/or", (SAY, "and/or")),
        ("/keys 12#", ("keys", "12#")),
        ("/KEYS   1 ", ("keys", "1")),
        ("/hangup", ("hangup", "")),
    ],
)
def test_a_line_is_words_or_an_order(line: str, order: tuple[str, str]) -> None:
    assert parse_line(line) == order


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        ("/intrupt x", "There is no /intrupt. Did you mean /interrupt?"),
        ("/tra busy", "Did you mean /transfer?"),
        ("/xyzzy", "There is no /xyzzy. Type /help"),
        ("/", "There is no /. Type /help"),
        ("/ hello", "There is no /. Type /help"),
    ],
)
def test_an_unknown_order_is_told_with_what_may_have_been_meant(line: str, hint: str) -> None:
    with pytest.raises(InvalidCommand) as unclear:
        parse_line(line)
    assert hint in str(unclear.value)
    assert str(unclear.value).endswith("Type /help for all commands.")


def test_keys_may_stand_apart() -> None:
    assert parse_keys("12 #*") == "12#*"


@pytest.mark.parametrize("argument", ["", "one", "12a", "\u0661"])
def test_what_is_no_key_is_refused(argument: str) -> None:
    with pytest.raises(InvalidCommand, match=r"/keys 12#"):
        parse_keys(argument)


@pytest.mark.parametrize(("argument", "seconds"), [("8", 8), ("0.5s", 0.5), ("0", 0)])
def test_a_silence_is_in_seconds(argument: str, seconds: float) -> None:
    assert parse_silence(argument) == seconds


@pytest.mark.parametrize("argument", ["", "long", "-1", "nan", "inf", "1e9"])
def test_no_other_silence_is_kept(argument: str) -> None:
    with pytest.raises(InvalidCommand, match="/silence 8"):
        parse_silence(argument)


@pytest.mark.parametrize(
    ("argument", "interruption"),
    [
        ("never mind", ("never mind", None)),
        ("800 never mind", ("never mind", 800)),
        ("800ms never mind", ("never mind", 800)),
        ("12", ("12", None)),
        ("9999999999999 stop", ("stop", 3_600_000)),
    ],
)
def test_an_interruption_may_say_when(argument: str, interruption: tuple[str, int | None]) -> None:
    assert parse_interruption(argument) == interruption


def test_an_interruption_needs_words() -> None:
    with pytest.raises(InvalidCommand, match="/interrupt never mind"):
        parse_interruption("")


@pytest.mark.parametrize(
    ("option", "argument", "value"),
    [
        ("transfer", "no_answer", "no_answer"),
        ("sms", "fail", "failed"),
        ("sms", "failed", "failed"),
    ],
)
def test_what_the_service_does_next_is_one_of_a_few(option: str, argument: str, value: str) -> None:
    assert parse_choice(option, argument) == value


def test_what_it_cannot_do_is_told_with_what_it_can() -> None:
    with pytest.raises(InvalidCommand) as unclear:
        parse_choice("sms", "maybe")
    assert str(unclear.value) == "Type one of /sms ok, /sms fail."


def test_the_help_has_every_order() -> None:
    text = "\n".join(help_lines())
    assert [order.name for order in COMMANDS if f"/{order.name}" not in text] == []
