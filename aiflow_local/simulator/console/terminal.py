"""Reads lines from the terminal while the call runs in another thread."""

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

_HANGUP_NOTICE_SECONDS = 0.5


def read_while_running(
    prompt: Prompt,
    input_queue: InputQueue,
    call: Callable[[], None],
    show_line: Callable[[str], None],
) -> None:
    """Run a call in its own thread and read lines until it is over.

    Args:
        prompt: reads the lines.
        input_queue: passes the lines to the call.
        call: runs the call; returns when it is over.
        show_line: shows a line.

    Raises:
        KeyboardInterrupt: the user pressed Ctrl-C again during the hangup.
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
        # During the call, Ctrl-C is a key that hangs up, not a signal.
        keys.enter_context(prompt.raw_keys())
        # A handler may hang: a daemon thread does not delay the end of the process.
        Thread(target=run, daemon=True).start()
        asyncio.run(_until_over(_InputSource(prompt, input_queue, keys), over, show_line))


@dataclass(frozen=True)
class _InputSource:
    """The prompt, the queue of its lines, and the raw mode of the terminal."""

    prompt: Prompt
    input_queue: InputQueue
    keys: ExitStack


async def _until_over(
    source: _InputSource, over: Future[None], show_line: Callable[[str], None]
) -> None:
    ended = asyncio.wrap_future(over)
    with source.keys:
        await _ask(source, ended)
    done, _ = await asyncio.wait({ended}, timeout=_HANGUP_NOTICE_SECONDS)
    if not done:
        show_line("The agent has not answered yet. Press Ctrl-C again to stop waiting.")
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
