"""Export complete calls as JSON lines."""

import json
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from tempfile import NamedTemporaryFile

from aiflow_local.errors import LocalError
from aiflow_local.ops.calls.table import StoredCall


def export_line(call: StoredCall) -> str:
    """Return everything that is stored about a call, as one line of JSON."""
    turns = [turn._asdict() for turn in call.turns]
    deliveries = [delivery._asdict() for delivery in call.item.processed_events]
    return json.dumps({**asdict(call.item), "turns": turns, "processed_events": deliveries})


def write_lines(lines: Iterable[str], output: Path) -> int:
    """Write lines to a file that only its owner can read; return the number of lines.

    The file is replaced at the end, so an interrupted export leaves no partial file.

    Raises:
        LocalError: `output` is not a regular file, or cannot be written.
    """
    target = output.resolve()
    if target.exists() and not target.is_file():
        raise LocalError(
            f"{output} is not a regular file: name another one, or omit --output to print"
        )
    try:
        with NamedTemporaryFile(
            "w",
            encoding="utf-8",
            dir=target.parent,
            prefix=f".{target.name}.",
            delete_on_close=False,
        ) as file:
            count = 0
            for count, line in enumerate(lines, 1):  # noqa: B007 - the last value is the count
                file.write(f"{line}\n")
            file.close()
            Path(file.name).replace(target)
    except OSError as error:
        raise LocalError(f"{output} cannot be written: {error.strerror}") from None
    return count
