"""Select stored calls by session id, by caller or by start time."""

from collections.abc import Iterator
from dataclasses import dataclass

import click

from aiflow.domain.spending_policy import remote_number
from aiflow.sessions.record import SessionRecord
from aiflow_local.errors import LocalError
from aiflow_local.ops.calls.item_reader import ScanStatistics, UnreadableItem
from aiflow_local.ops.calls.phone_numbers import display_number
from aiflow_local.ops.calls.table import CallTable, StoredCall
from aiflow_local.output import printable


@dataclass(frozen=True)
class CallSelector:
    """The selection on the command line: one session id, or a filter by caller and start time.

    Attributes:
        session_id: The session id of a single call.
        caller: The phone number of the other party, digits only.
        since: The earliest start time; Unix time in seconds.
    """

    session_id: str | None = None
    caller: str | None = None
    since: float | None = None

    @property
    def is_valid(self) -> bool:
        """Whether it has either a session id or a filter, but not both."""
        is_filter = self.caller is not None or self.since is not None
        return (self.session_id is not None) != is_filter

    def matches(self, item: SessionRecord) -> bool:
        """Return whether a call passes the filter by caller and start time."""
        if self.since is not None and item.first_event_at_ms < self.since * 1000:
            return False
        return self.caller is None or remote_number(item.session) == self.caller


def scan_records(
    table: CallTable, selector: CallSelector, statistics: ScanStatistics
) -> Iterator[SessionRecord]:
    """Return the records that pass the filter, unordered; then print the cost of the scan.

    Raises:
        LocalError: The table cannot be read.
    """
    yield from filter(selector.matches, table.scan(statistics))
    click.echo(
        f"Read {statistics.items} items of {table.name}: {statistics.units:g} units.", err=True
    )


def select_calls(
    table: CallTable, selector: CallSelector, statistics: ScanStatistics
) -> Iterator[StoredCall]:
    """Return the selected calls with all their turns, oldest first.

    Raises:
        LocalError: No call matches, the call with the session id is unreadable, or the table
            cannot be read.
    """
    # DynamoDB may delete an expired call between the scan and this read.
    calls = filter(None, _found(table, selector, statistics))
    first = next(calls, None)
    if first is None and not statistics.unreadable:
        raise LocalError(_none(table, selector))
    yield from () if first is None else (first,)
    yield from calls


def all_readable(statistics: ScanStatistics) -> bool:
    """Return whether every call could be read; print the session ids of the others."""
    for session_id in statistics.unreadable:
        click.echo(f"Skipped, since it cannot be read: {printable(session_id)}.", err=True)
    return not statistics.unreadable


def _found(
    table: CallTable, selector: CallSelector, statistics: ScanStatistics
) -> Iterator[StoredCall | None]:
    if selector.session_id is not None:
        yield table.find(selector.session_id)
        return
    for item in sorted(
        scan_records(table, selector, statistics), key=lambda item: item.first_event_at_ms
    ):
        try:
            yield table.find(item.session_id)
        except UnreadableItem:
            statistics.unreadable.append(item.session_id)


def _none(table: CallTable, selector: CallSelector) -> str:
    if selector.session_id is not None:
        return f"the table {table.name} has no call {printable(selector.session_id)}"
    if selector.caller is None:
        return f"the table {table.name} has no call from that time"
    number = display_number(selector.caller, is_revealed=False)
    return f"the table {table.name} has no call with {number}"
