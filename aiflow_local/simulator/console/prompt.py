"""Input line of the terminal, with history and completion."""

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
    """Reads lines from the terminal.

    Args:
        hint: returns the text below the line; called at each redraw.
        history: lines typed before.
    """

    def __init__(self, hint: Callable[[], str], history: History) -> None:
        self._session: PromptSession[str] = PromptSession(
            [("bold ansigreen", f"{'caller':>{MARGIN}}  ")],
            history=history,
            completer=CommandCompleter(),
            bottom_toolbar=hint,
            # The transcript shows the line again, in its place.
            erase_when_done=True,
            reserve_space_for_menu=_MENU_LINES,
            interrupt_exception=HangupRequested,
        )

    def lines(self) -> Iterator[str]:
        """Yield typed lines until the end of input.

        Raises:
            HangupRequested: the user pressed Ctrl-C.
        """
        with suppress(EOFError):
            while True:
                # Pasted text may have several lines.
                yield from self._session.prompt().splitlines() or [""]

    def raw_keys(self) -> AbstractContextManager[None]:
        """Keep keys, including Ctrl-C, for the next prompt.

        Between two prompts the terminal would otherwise echo keys and turn Ctrl-C into a signal.
        """
        return self._session.input.raw_mode()

    async def ask(self) -> str:
        """Return one line without blocking the event loop.

        Raises:
            HangupRequested: the user pressed Ctrl-C.
            EOFError: the user pressed Ctrl-D.
        """
        return await self._session.prompt_async()


class CommandCompleter(Completer):
    """Completes commands and their arguments."""

    def get_completions(
        self, document: Document, complete_event: CompleteEvent
    ) -> Iterable[Completion]:
        """Yield completions of the line."""
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
    """Return the stored history of this user, or an empty one if it cannot be stored."""
    home = Path(os.environ.get("XDG_STATE_HOME", ""))
    folder = (home if home.is_absolute() else Path.home() / _STATE_HOME) / "aiflow"
    file = folder / "call-history"
    try:
        folder.mkdir(mode=_PRIVATE_FOLDER, parents=True, exist_ok=True)
        # Only this user may read what was typed.
        file.touch(mode=_PRIVATE_FILE)
        file.open("ab").close()
    except OSError:
        return InMemoryHistory()
    return _History(str(file))


class _History(FileHistory):
    """A history that ignores write errors, such as a full disk."""

    def store_string(self, string: str) -> None:
        with suppress(OSError):
            super().store_string(string)
