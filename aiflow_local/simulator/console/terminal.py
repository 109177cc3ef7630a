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
from aiflow_local.simulator.console.real_time import Keyboard
from aiflow_local.simulator.console.virtual_time import HungUp

_PATIENCE_SECONDS = 0.5


def type_along(
    prompt: Prompt, keyboard: Keyboard, call: Callable[[], None], tell: Callable[[str], None]
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
        keys.enter_context(prompt.keeping_keys())
        # Nobody waits for it at the end of the process: a handler may hang.
        Thread(target=run, daemon=True).start()
        asyncio.run(_until_over(_Typist(prompt, keyboard, keys), over, tell))


@dataclass(frozen=True)
class _Typist:
    """Who types, where it goes to, and what lets go of the keys."""

    prompt: Prompt
    keyboard: Keyboard
    keys: ExitStack


async def _until_over(typist: _Typist, over: Future[None], tell: Callable[[str], None]) -> None:
    ended = asyncio.wrap_future(over)
    with typist.keys:
        await _ask(typist, ended)
    done, _ = await asyncio.wait({ended}, timeout=_PATIENCE_SECONDS)
    if not done:
        tell("The agent has not answered yet. Press Ctrl-C once more not to wait for it.")
    await ended


async def _ask(typist: _Typist, ended: asyncio.Future[None]) -> None:
    with patch_stdout(raw=True):
        line: str | None = ""
        while line is not None and not ended.done():
            asked = asyncio.create_task(_line(typist.prompt))
            both: set[asyncio.Future[Any]] = {asked, ended}
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
            if not asked.done():
                asked.cancel()
                with suppress(asyncio.CancelledError):
                    await asked
                break
            line = asked.result()
            typist.keyboard.type(line)


async def _line(prompt: Prompt) -> str | None:
    try:
        return await prompt.ask()
    except (HungUp, EOFError):
        return None
