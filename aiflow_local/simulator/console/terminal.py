"""A terminal in which a person types while the call goes on above."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from threading import Thread
from typing import Any

from prompt_toolkit.patch_stdout import patch_stdout

from aiflow_local.simulator.console.prompt import Prompt
from aiflow_local.simulator.console.real_time import InputQueue
from aiflow_local.simulator.console.virtual_time import HangupRequested

_PATIENCE_SECONDS = 0.5


def read_while_running(
    prompt: Prompt,
    input_queue: InputQueue,
    call: Callable[[], None],
    show_line: Callable[[str], None],
) -> None:
    """Let a call go on in a thread of its own, and a person type, until it is over.

    Args:
        prompt: where the person types.
        keyboard: which takes it to the call.
        call: the call; returns when it is over.
        tell: shows a line.

    Raises:
        KeyboardInterrupt: Ctrl-C was pressed once more while the call was hanging up.
    """
    over = Future[None]()

    def run() -> None:
        try:
            call()
        except BaseException as error:  # noqa: BLE001 - raised again where it is waited for
            over.set_exception(error)
        else:
            over.set_result(None)

    with ExitStack() as keys:
        # From the first moment of the call on, Ctrl-C is a key like others, and hangs up.
        keys.enter_context(prompt.raw_keys())
        # Nobody waits for it at the end of the process: a handler may hang.
        Thread(target=run, daemon=True).start()
        asyncio.run(_until_over(_InputSource(prompt, input_queue, keys), over, show_line))


@dataclass(frozen=True)
class _InputSource:
    """Who types, where it goes to, and what lets go of the keys."""

    prompt: Prompt
    input_queue: InputQueue
    keys: ExitStack


async def _until_over(
    source: _InputSource, over: Future[None], show_line: Callable[[str], None]
) -> None:
    ended = asyncio.wrap_future(over)
    with source.keys:
        await _ask(source, ended)
    done, _ = await asyncio.wait({ended}, timeout=_PATIENCE_SECONDS)
    if not done:
        show_line("The agent has not answered yet. Press Ctrl-C once more not to wait for it.")
    await ended


async def _ask(source: _InputSource, ended: asyncio.Future[None]) -> None:
    with patch_stdout(raw=True):
        line: str | None = ""
        while line is not None and not ended.done():
            asked = asyncio.create_task(_line(source.prompt))
            both: set[asyncio.Future[Any]] = {asked, ended}
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
            if not asked.done():
                asked.cancel()
                with suppress(asyncio.CancelledError):
                    await asked
                break
            line = asked.result()
            source.input_queue.put_line(line)


async def _line(prompt: Prompt) -> str | None:
    try:
        return await prompt.ask()
    except (HangupRequested, EOFError):
        return None
