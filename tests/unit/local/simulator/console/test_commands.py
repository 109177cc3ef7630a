"""Parsing of typed lines, and messages about invalid ones."""

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
def test_a_line_is_words_or_a_command(line: str, order: tuple[str, str]) -> None:
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
def test_an_unknown_command_is_reported_with_a_suggestion(line: str, hint: str) -> None:
    with pytest.raises(InvalidCommand) as unclear:
        parse_line(line)
    assert hint in str(unclear.value)
    assert str(unclear.value).endswith("Type /help for all commands.")


def test_keys_may_be_separated_by_spaces() -> None:
    assert parse_keys("12 #*") == "12#*"


@pytest.mark.parametrize("argument", ["", "one", "12a", "\u0661"])
def test_an_invalid_key_is_rejected(argument: str) -> None:
    with pytest.raises(InvalidCommand, match=r"/keys 12#"):
        parse_keys(argument)


@pytest.mark.parametrize(("argument", "seconds"), [("8", 8), ("0.5s", 0.5), ("0", 0)])
def test_a_silence_is_in_seconds(argument: str, seconds: float) -> None:
    assert parse_silence(argument) == seconds


@pytest.mark.parametrize("argument", ["", "long", "-1", "nan", "inf", "1e9"])
def test_an_invalid_silence_is_rejected(argument: str) -> None:
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
def test_an_interruption_may_start_with_its_offset(
    argument: str, interruption: tuple[str, int | None]
) -> None:
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
def test_outcomes_are_typed_by_name(option: str, argument: str, value: str) -> None:
    assert parse_choice(option, argument) == value


def test_an_unknown_outcome_is_reported_with_the_known_ones() -> None:
    with pytest.raises(InvalidCommand) as unclear:
        parse_choice("sms", "maybe")
    assert str(unclear.value) == "Type one of /sms ok, /sms fail."


def test_the_help_has_every_command() -> None:
    text = "\n".join(help_lines())
    assert [order.name for order in COMMANDS if f"/{order.name}" not in text] == []
