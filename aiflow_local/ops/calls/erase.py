"""Erase calls, including calls that have not ended."""

from collections.abc import Callable, Iterator, Sequence

from aiflow_local.ops.calls.table import CallTable, StoredCall


def erase_calls(
    table: CallTable, calls: Sequence[StoredCall], pause: Callable[[], None]
) -> Iterator[StoredCall]:
    """Erase calls one by one; yield each call after it is erased.

    Args:
        table: The table that stores the calls.
        calls: The calls, as read from the table.
        pause: Waits until no answer can be in progress any more. It is called only if a call had
            not ended; then the turns that such an answer wrote are erased, too.

    Raises:
        AwsError: A request to the table fails.
        LocalError: A call has changed since it was read.
    """
    open_calls = [call for call in calls if table.is_open(call.item)]
    for call in calls:
        table.erase(call)
        yield call
    if open_calls:
        pause()
        for call in open_calls:
            table.erase_turns(call.item.session_id)
