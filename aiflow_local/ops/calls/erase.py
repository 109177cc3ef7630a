"""Erasing calls, those that have not ended as well."""

from collections.abc import Callable, Iterator, Sequence

from aiflow_local.ops.calls.table import CallTable, KeptCall


def erase_all(
    table: CallTable, calls: Sequence[KeptCall], pause: Callable[[], None]
) -> Iterator[KeptCall]:
    """Erase calls; return each when it is done, as the next one may fail.

    Args:
        table: that keeps them.
        calls: as they were found.
        pause: if one of them had not ended, waits until no answer can be on its way any more; what
            such an answer left behind is erased then.

    Raises:
        AwsError: the table does not take it.
        LocalError: one of them has gone on meanwhile.
    """
    open_calls = [call for call in calls if table.is_open(call.item)]
    for call in calls:
        table.erase(call)
        yield call
    if open_calls:
        pause()
        for call in open_calls:
            table.erase_turns(call.item.session_id)
