"""Which calls are meant: one by its session id, those of a caller, or those since a moment."""

from collections.abc import Iterator
from dataclasses import dataclass

import click

from aiflow.domain.spending_policy import remote_number
from aiflow.sessions.record import SessionRecord
from aiflow_local.errors import LocalError
from aiflow_local.ops.calls.item_reader import NotReadable, Reading
from aiflow_local.ops.calls.phone_numbers import told
from aiflow_local.ops.calls.table import CallTable, KeptCall
from aiflow_local.printable import printable


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

    def covers(self, item: SessionRecord) -> bool:
        """Tell whether a call is of the kind."""
        if self.since is not None and item.first_event_at_ms < self.since * 1000:
            return False
        return self.caller is None or remote_number(item.session) == self.caller


def all_chosen(table: CallTable, choice: Choice, reading: Reading) -> Iterator[SessionRecord]:
    """Return the calls of a kind, in no order; and say what it took to find them.

    Raises:
        LocalError: the table cannot be read.
    """
    yield from filter(choice.covers, table.scan(reading))
    click.echo(f"Read {reading.items} items of {table.name}: {reading.units:g} units.", err=True)


def chosen(table: CallTable, choice: Choice, reading: Reading) -> Iterator[KeptCall]:
    """Return the calls that are meant, each whole; the oldest first.

    Raises:
        LocalError: there are none, the one that is meant cannot be read, or the table cannot.
    """
    # One that has expired may be deleted at any moment.
    calls = filter(None, _found(table, choice, reading))
    first = next(calls, None)
    if first is None and not reading.unreadable:
        raise LocalError(_none(table, choice))
    yield from () if first is None else (first,)
    yield from calls


def is_all(reading: Reading) -> bool:
    """Tell whether every call could be looked at; if not, name those that could not."""
    for session_id in reading.unreadable:
        click.echo(f"Not looked at, since it cannot be read: {printable(session_id)}.", err=True)
    return not reading.unreadable


def _found(table: CallTable, choice: Choice, reading: Reading) -> Iterator[KeptCall | None]:
    if choice.session_id is not None:
        yield table.find(choice.session_id)
        return
    for item in sorted(all_chosen(table, choice, reading), key=lambda item: item.first_event_at_ms):
        try:
            yield table.find(item.session_id)
        except NotReadable:
            reading.unreadable.append(item.session_id)


def _none(table: CallTable, choice: Choice) -> str:
    if choice.session_id is not None:
        return f"nothing is kept of {printable(choice.session_id)} in {table.name}"
    if choice.caller is None:
        return f"no call of that time is kept in {table.name}"
    return f"no call of {told(choice.caller, is_revealed=False)} is kept in {table.name}"
