"""A call on file: JSON lines, first who called whom and how the phone was set."""

import json
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from local.errors import Unreadable
from local.phone.party import Party
from local.phone.switches import Switches
from local.phone.transcript import Entry

VERSION = 1
"""Of this form of a file."""


class Recording:
    """Writes a call down while it goes on; to be closed. It knows of no token and no URL.

    Args:
        file: where to; what was there is replaced.

    Raises:
        Unreadable: the file cannot be written, now or later.
    """

    def __init__(self, file: Path) -> None:
        try:
            self._file = file.open("w", encoding="ascii")
        except OSError as error:
            raise _unwritable(file, error) from None

    def begin(self, party: Party, switches: Switches) -> None:
        """Write the first line."""
        self._write(
            {
                "kind": "call",
                "version": VERSION,
                "party": asdict(party),
                "switches": switches.model_dump(mode="json"),
            }
        )

    def add(self, entry: Entry) -> None:
        """Write an entry of the transcript."""
        self._write(entry.to_json())

    def __enter__(self) -> Self:
        """Return it."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the file."""
        self._file.close()

    def _write(self, line: dict[str, Any]) -> None:
        try:
            # At once: a call that ends badly is the one to look at.
            self._file.write(json.dumps(line) + "\n")
            self._file.flush()
        except OSError as error:
            raise _unwritable(self._file.name, error) from None


def _unwritable(file: object, error: OSError) -> Unreadable:
    return Unreadable("unwritable", f"{file} cannot be written: {error.strerror}")
