"""Writes calls as JSON lines, with the parties and options in the first line."""

import json
import re
import unicodedata
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from aiflow_local.errors import Unreadable
from aiflow_local.simulator.engine.options import ServiceOptions
from aiflow_local.simulator.engine.parties import CallParties
from aiflow_local.simulator.engine.transcript import TranscriptEntry

VERSION = 1
"""Version of the file format."""

_MAX_NAME_LENGTH = 60


class Recording:
    """Writes a call during the call. Use it as a context manager.

    A recording contains no token and no URL.

    Args:
        file: path of the file, which is replaced.

    Raises:
        Unreadable: the file cannot be written, now or later.
    """

    def __init__(self, file: Path) -> None:
        try:
            # Unbuffered, so that a full disk is reported once, when it happens.
            self._file = file.open("wb", buffering=0)
        except OSError as error:
            raise _unwritable(file, error) from None

    def begin(self, parties: CallParties, options: ServiceOptions, name: str | None = None) -> None:
        """Write the first line, with the name of the scenario if there is one."""
        self._write(
            {
                "kind": "call",
                "version": VERSION,
                **({} if name is None else {"name": name}),
                "party": asdict(parties),
                "switches": options.model_dump(mode="json"),
            }
        )

    def add(self, entry: TranscriptEntry) -> None:
        """Write a transcript entry."""
        self._write(entry.to_json())

    def __enter__(self) -> Self:
        """Return this recording."""
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
            # Immediately, so that a failed call is recorded up to its failure.
            self._file.write(json.dumps(line).encode() + b"\n")
        except OSError as error:
            raise _unwritable(self._file.name, error) from None


def file_name(number: int, name: str) -> str:
    """Return a safe file name for the recording of a scenario."""
    letters = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    words = re.sub("[^a-z0-9]+", "-", letters)[:_MAX_NAME_LENGTH].strip("-")
    return f"{number:03}{'-' if words else ''}{words}.jsonl"


def _unwritable(file: object, error: OSError) -> Unreadable:
    return Unreadable("unwritable", f"{file} cannot be written: {error.strerror}")
