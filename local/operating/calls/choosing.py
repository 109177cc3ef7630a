"""Which calls are meant: one by its session id, those of a caller, or those since a moment."""

from collections.abc import Iterator
from dataclasses import dataclass

import click

from aiflow.runtime.policy import partner
from aiflow.sessions.model import SessionItem
from local.errors import LocalError
from local.operating.calls.numbers import told
from local.operating.calls.printing import printable
from local.operating.calls.table import CallTable, KeptCall, Reading


@dataclass(frozen=True)
class Choice:
    """What a command line says of them.

    Attributes:
        session_id: of one call.
        caller: the digits of the number of the person on the line.
        since: Unix time in seconds, when they began at the earliest.
    """

    session_id: str | None = None
    caller: str | None = None
    since: float | None = None

    @property
    def is_one(self) -> bool:
        """Tell whether it says either which call, or which kind of calls."""
        is_kind = self.caller is not None or self.since is not None
        return (self.session_id is not None) != is_kind

    def covers(self, item: SessionItem) -> bool:
        """Tell whether a call is of the kind."""
        if self.since is not None and item.begun_at_ms < self.since * 1000:
            return False
        return self.caller is None or partner(item.session) == self.caller


def all_chosen(table: CallTable, choice: Choice) -> Iterator[SessionItem]:
    """Return the calls of a kind, in no order; and say what it took to find them.

    Raises:
        LocalError: the table cannot be read.
    """
    reading = Reading()
    yield from filter(choice.covers, table.scan(reading))
    click.echo(f"Read {reading.items} items of {table.name}: {reading.units:g} units.", err=True)
    for session_id in reading.unreadable:
        click.echo(f"Not looked at, since it cannot be read: {printable(session_id)}.", err=True)


def chosen(table: CallTable, choice: Choice) -> list[KeptCall]:
    """Return the calls that are meant, each whole; the oldest first.

    Raises:
        LocalError: there are none, or they cannot be read.
    """
    found = _ids(table, choice)
    # One that has expired may be deleted at any moment.
    calls = [call for call in map(table.find, found) if call]
    if not calls:
        raise LocalError(_none(table, choice))
    return calls


def _ids(table: CallTable, choice: Choice) -> list[str]:
    if choice.session_id is not None:
        return [choice.session_id]
    found = sorted(all_chosen(table, choice), key=lambda item: item.begun_at_ms)
    return [item.session_id for item in found]


def _none(table: CallTable, choice: Choice) -> str:
    if choice.session_id is not None:
        return f"nothing is kept of {printable(choice.session_id)} in {table.name}"
    if choice.caller is None:
        return f"no call of that time is kept in {table.name}"
    return f"no call of {told(choice.caller, is_revealed=False)} is kept in {table.name}"
