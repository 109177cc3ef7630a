"""Where a person types: with a history and completion, on a terminal."""

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, suppress
from pathlib import Path

from prompt_toolkit import PromptSession
from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document
from prompt_toolkit.history import FileHistory, History, InMemoryHistory

from aiflow_local.output import MARGIN
from aiflow_local.simulator.console.commands import COMMANDS
from aiflow_local.simulator.console.virtual_time import HangupRequested

_STATE_HOME = Path(".local/state")
_PRIVATE_FOLDER, _PRIVATE_FILE = 0o700, 0o600
_MENU_LINES = 4


class Prompt:
    """Asks for one line after another.

    Args:
        hint: returns what stands below the line, anew whenever it is drawn.
        history: what was typed before, and where it is kept.
    """

    def __init__(self, hint: Callable[[], str], history: History) -> None:
        self._session: PromptSession[str] = PromptSession(
            [("bold ansigreen", f"{'caller':>{MARGIN}}  ")],
            history=history,
            completer=CommandCompleter(),
            bottom_toolbar=hint,
            # It is shown again by the one who shows the call, and in its right place.
            erase_when_done=True,
            reserve_space_for_menu=_MENU_LINES,
            interrupt_exception=HangupRequested,
        )

    def lines(self) -> Iterator[str]:
        """Yield what is typed, up to the end of input.

        Raises:
            HungUp: Ctrl-C was pressed.
        """
        with suppress(EOFError):
            while True:
                # What is pasted may have several.
                yield from self._session.prompt().splitlines() or [""]

    def raw_keys(self) -> AbstractContextManager[None]:
        """Keep what is pressed while nobody asks, Ctrl-C included, for whoever asks next.

        Between two lines the terminal would else be its own master: it would show the keys, and
        take Ctrl-C for a signal to this process.
        """
        return self._session.input.raw_mode()

    async def ask(self) -> str:
        """Return one line, without blocking the loop.

        Raises:
            HungUp: Ctrl-C was pressed.
            EOFError: Ctrl-D was pressed.
        """
        return await self._session.prompt_async()


class CommandCompleter(Completer):
    """Completes orders and what may follow them; words it leaves alone."""

    def get_completions(
        self, document: Document, complete_event: CompleteEvent
    ) -> Iterable[Completion]:
        """Yield what the line may become."""
        del complete_event
        line = document.text_before_cursor.lstrip()
        name, space, begun = line.partition(" ")
        if not line.startswith("/"):
            return
        for command in COMMANDS:
            if not space and command.name.startswith(name[1:]):
                yield Completion(
                    f"/{command.name}",
                    -len(name),
                    display_meta=f"{command.argument}  {command.meaning}",
                )
            elif space and command.name == name[1:]:
                for choice in command.choices:
                    if choice.startswith(begun):
                        yield Completion(choice, -len(begun))


def open_history() -> History:
    """Return the history of this user; where none can be kept, one for this call only."""
    home = Path(os.environ.get("XDG_STATE_HOME", ""))
    folder = (home if home.is_absolute() else Path.home() / _STATE_HOME) / "aiflow"
    file = folder / "call-history"
    try:
        folder.mkdir(mode=_PRIVATE_FOLDER, parents=True, exist_ok=True)
        # What callers say is nobody else's business.
        file.touch(mode=_PRIVATE_FILE)
        file.open("ab").close()
    except OSError:
        return InMemoryHistory()
    return _History(str(file))


class _History(FileHistory):
    """A history that a full disk does not end a call for."""

    def store_string(self, string: str) -> None:
        with suppress(OSError):
            super().store_string(string)
