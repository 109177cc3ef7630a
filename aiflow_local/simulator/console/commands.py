"""Parses typed lines: words of the caller, and commands with a slash."""

from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from typing import get_args

from aiflow_local.simulator.engine.options import ServiceOptions

SAY = "say"
"""Name of the command for a line without a slash."""

_TYPED = {"failed": "fail"}
_KEYS = frozenset("0123456789*#")
_MAX_SILENCE_SECONDS = 3600.0


class InvalidCommand(Exception):
    """A line is not valid; the message says what to type."""


@dataclass(frozen=True)
class Command:
    """A command.

    Attributes:
        name: name without the slash.
        argument: example of its argument.
        meaning: short description.
        choices: all possible arguments, if they are limited.
    """

    name: str
    argument: str
    meaning: str
    choices: tuple[str, ...] = ()

    @property
    def usage(self) -> str:
        """The command as it is typed."""
        return f"/{self.name} {self.argument}".rstrip()


def _values(option: str) -> tuple[str, ...]:
    return get_args(ServiceOptions.model_fields[option].annotation)


def _choices(option: str) -> tuple[str, ...]:
    return tuple(_TYPED.get(value, value) for value in _values(option))


COMMANDS = (
    Command("interrupt", "[MS] words", "speak during a playback: in its middle, or after MS"),
    Command("keys", "12#", "press keys"),
    Command("silence", "8", "stay silent for this many seconds after the agent"),
    Command("transfer", "busy", "outcome of the next transfer", _choices("transfer")),
    Command("sms", "fail", "outcome of the next text messages", _choices("sms")),
    Command("state", "", "show call.state of the agent"),
    Command("hangup", "", "hang up immediately"),
    Command("help", "", "show this help"),
)
_NAMES = tuple(command.name for command in COMMANDS)


def parse_line(line: str) -> tuple[str, str]:
    """Return the command name and the argument of a line; the name is `SAY` for words.

    Raises:
        InvalidCommand: the command does not exist.
    """
    line = line.strip()
    if not line.startswith("/"):
        return SAY, line
    name, _, argument = line[1:].partition(" ")
    name = name.lower()
    if name not in _NAMES:
        raise InvalidCommand(
            f"There is no /{name}.{_suggestion(name)} Type /help for all commands."
        )
    return name, argument.strip()


def parse_keys(argument: str) -> str:
    """Return keys to press.

    Raises:
        InvalidCommand: a character is not a key.
    """
    keys = argument.replace(" ", "")
    if not keys or not _KEYS.issuperset(keys):
        raise InvalidCommand("Type keys as in /keys 12#: digits, * and #.")
    return keys


def parse_silence(argument: str) -> float:
    """Return a silence in seconds.

    Raises:
        InvalidCommand: the value is not a valid duration.
    """
    try:
        seconds = float(argument.removesuffix("s"))
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= _MAX_SILENCE_SECONDS:
        raise InvalidCommand("Type a silence as in /silence 8: seconds, up to 3600.")
    return seconds


def parse_interruption(argument: str) -> tuple[str, int | None]:
    """Return the words of an interruption, and its delay in milliseconds if given.

    Raises:
        InvalidCommand: there are no words.
    """
    first, _, rest = argument.partition(" ")
    digits = first.removesuffix("ms")
    if rest.strip() and digits.isascii() and digits.isdecimal():
        return rest.strip(), min(int(digits), 1000 * int(_MAX_SILENCE_SECONDS))
    if not argument:
        raise InvalidCommand(
            "Type an interruption as in /interrupt never mind, or /interrupt 800 stop."
        )
    return argument, None


def parse_choice(option: str, argument: str) -> str:
    """Return the value of a service option.

    Raises:
        InvalidCommand: the option has no such value.
    """
    for value in _values(option):
        if argument in {value, _TYPED.get(value, value)}:
            return value
    raise InvalidCommand(
        f"Type one of {', '.join(f'/{option} {each}' for each in _choices(option))}."
    )


def help_lines() -> Iterator[str]:
    """Yield the help, one line per command."""
    yield f"{'words':<22}say them after the agent has finished"
    yield f"{'(nothing)':<22}wait until the agent has finished"
    for command in COMMANDS:
        yield f"{command.usage:<22}{command.meaning}"


def _suggestion(name: str) -> str:
    begun = [known for known in _NAMES if name and known.startswith(name)]
    close = begun or get_close_matches(name, _NAMES, n=1)
    return f" Did you mean /{close[0]}?" if close else ""
