"""A call on virtual time, line by line."""

from collections.abc import Iterable

from local.phone.console.acting import Caller


def converse(caller: Caller, lines: Iterable[str]) -> None:
    """Call, do what each line says, and hang up after the last one.

    No time passes while nothing is typed. After the last line the agent may finish.

    Args:
        caller: who does it.
        lines: what is typed; read only as long as the call goes on.
    """
    call = caller.call
    call.begin()
    # What happens at this moment happens before anything is typed.
    call.lets_pass(0)
    if call.is_over:
        return
    for line in lines:
        caller.do(line)
        call.lets_pass(0)
        if call.is_over:
            return
    call.settle()
    call.hangs_up()
