"""A pseudo-terminal for a command, with keys to press and a screen to read."""

import fcntl
import os
import pty
import struct
import subprocess
import termios
from collections.abc import Mapping, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Self

ROWS, COLUMNS = 40, 100


class Terminal:
    """A command in a pseudo-terminal, as a context manager.

    Args:
        command: what to run.
        environment: variables in addition to those of this process.
    """

    def __init__(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        self._ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        # This terminal does not answer cursor position requests.
        quiet = {"TERM": "xterm", "PROMPT_TOOLKIT_NO_CPR": "1"}
        self.process = subprocess.Popen(
            command,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env={**os.environ, **quiet, **environment},
            start_new_session=True,
        )
        os.close(theirs)
        self.screen = ""
        self._seen = 0

    def press(self, keys: str) -> None:
        """Press keys, one for each character."""
        os.write(self._ours, keys.encode())

    def read_until(self, text: str) -> str:
        """Read until a text is shown; return the output since the previous match.

        Raises:
            EOFError: the command ended without showing it; the message contains the screen.
        """
        while (found := self.screen.find(text, self._seen)) < 0:
            shown = self._read()
            if not shown:
                raise EOFError(f"{text!r} was not shown:\n{self.screen}")
            self.screen += shown
        seen, self._seen = self._seen, found + len(text)
        return self.screen[seen : self._seen]

    def finish(self) -> int:
        """Read to the end and return the exit code."""
        while shown := self._read():
            self.screen += shown
        return self.process.wait()

    def _read(self) -> str:
        # When the command has ended, Linux raises an error, and other systems return nothing.
        with suppress(OSError):
            return os.read(self._ours, 65536).decode(errors="replace")
        return ""

    def __enter__(self) -> Self:
        """Return the terminal."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Kill the command if it is still running."""
        self.process.kill()
        self.process.wait()
        os.close(self._ours)
