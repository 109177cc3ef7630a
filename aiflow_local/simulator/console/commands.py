"""What can be typed: words that the caller says, and orders that begin with a slash."""

from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from typing import get_args

from aiflow_local.simulator.engine.options import ServiceOptions

SAY = "say"
"""The order of a line without a slash."""

_TYPED = {"failed": "fail"}
_KEYS = frozenset("0123456789*#")
_MAX_SILENCE_SECONDS = 3600.0


class InvalidCommand(Exception):
    """A line cannot be made out; the message says what would be understood."""


@dataclass(frozen=True)
class Command:
    """Something to order.

    Attributes:
        name: without its slash.
        argument: what follows it, as an example.
        meaning: what it does, in a few words.
        choices: all that may follow, if they can be counted.
    """

    name: str
    argument: str
    meaning: str
    choices: tuple[str, ...] = ()

    @property
    def usage(self) -> str:
        """How it is written."""
        return f"/{self.name} {self.argument}".rstrip()


def _values(option: str) -> tuple[str, ...]:
    return get_args(ServiceOptions.model_fields[option].annotation)


def _choices(option: str) -> tuple[str, ...]:
    return tuple(_TYPED.get(value, value) for value in _values(option))


COMMANDS = (
    Command("interrupt", "[MS] words", "say it while the agent speaks: half way, or MS into it"),
    Command("keys", "12#", "press keys"),
    Command("silence", "8", "let the agent finish, and then so many seconds pass"),
    Command("transfer", "busy", "what becomes of the next transfer", _choices("transfer")),
    Command("sms", "fail", "what becomes of the next text messages", _choices("sms")),
    Command("state", "", "show what the agent keeps of the call"),
    Command("hangup", "", "hang up, at once"),
    Command("help", "", "show this"),
)
_NAMES = tuple(command.name for command in COMMANDS)


def parse_line(line: str) -> tuple[str, str]:
    """Return the name of the order in a line, and what follows it; `SAY` for words.

    Raises:
        Unclear: there is no such order.
    """
    line = line.strip()
    if not line.startswith("/"):
        return SAY, line
    name, _, argument = line[1:].partition(" ")
    name = name.lower()
    if name not in _NAMES:
        raise InvalidCommand(f"There is no /{name}.{_meant(name)} /help shows all that there is.")
    return name, argument.strip()


def parse_keys(argument: str) -> str:
    """Return keys to press.

    Raises:
        Unclear: they are none.
    """
    keys = argument.replace(" ", "")
    if not keys or not _KEYS.issuperset(keys):
        raise InvalidCommand("Write keys as in /keys 12#: digits, * and #.")
    return keys


def parse_silence(argument: str) -> float:
    """Return seconds of silence.

    Raises:
        Unclear: they are none.
    """
    try:
        seconds = float(argument.removesuffix("s"))
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= _MAX_SILENCE_SECONDS:
        raise InvalidCommand("Write a silence as in /silence 8: seconds, up to an hour.")
    return seconds


def parse_interruption(argument: str) -> tuple[str, int | None]:
    """Return the words of an interruption, and the milliseconds before them, if they are given.

    Raises:
        Unclear: there are no words.
    """
    first, _, rest = argument.partition(" ")
    digits = first.removesuffix("ms")
    if rest.strip() and digits.isascii() and digits.isdecimal():
        return rest.strip(), min(int(digits), 1000 * int(_MAX_SILENCE_SECONDS))
    if not argument:
        raise InvalidCommand(
            "Write an interruption as in /interrupt never mind, or /interrupt 800 stop."
        )
    return argument, None


def parse_choice(option: str, argument: str) -> str:
    """Return the value of a switch.

    Raises:
        Unclear: it has no such value.
    """
    for value in _values(option):
        if argument in {value, _TYPED.get(value, value)}:
            return value
    raise InvalidCommand(
        f"Write one of {', '.join(f'/{option} {each}' for each in _choices(option))}."
    )


def help_lines() -> Iterator[str]:
    """Yield all that can be typed, each with what it does."""
    yield f"{'words':<22}say them when the agent is done"
    yield f"{'(nothing)':<22}let the agent finish"
    for command in COMMANDS:
        yield f"{command.usage:<22}{command.meaning}"


def _meant(name: str) -> str:
    begun = [known for known in _NAMES if name and known.startswith(name)]
    close = begun or get_close_matches(name, _NAMES, n=1)
    return f" Did you mean /{close[0]}?" if close else ""
