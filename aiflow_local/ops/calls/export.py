"""Calls as they are handed out: everything, in JSON lines."""

import json
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from tempfile import NamedTemporaryFile

from aiflow_local.errors import LocalError
from aiflow_local.ops.calls.table import KeptCall


def exported(call: KeptCall) -> str:
    """Return all that is kept of a call, as one line."""
    turns = [turn._asdict() for turn in call.turns]
    deliveries = [delivery._asdict() for delivery in call.item.processed_events]
    return json.dumps({**asdict(call.item), "turns": turns, "processed_events": deliveries})


def write(lines: Iterable[str], output: Path) -> int:
    """Write lines to a file that only its owner may read, whole or not at all; return how many.

    Raises:
        LocalError: it cannot be written, or is no file.
    """
    target = output.resolve()
    if target.exists() and not target.is_file():
        raise LocalError(
            f"{output} cannot be written: it is no file; without --output all is shown"
        )
    try:
        # Beside it, in the place of what was there only at the end: interrupted, nothing is left.
        with NamedTemporaryFile(
            "w",
            encoding="utf-8",
            dir=target.parent,
            prefix=f".{target.name}.",
            delete_on_close=False,
        ) as file:
            count = 0
            for count, line in enumerate(lines, 1):  # noqa: B007 - the last one is how many
                file.write(f"{line}\n")
            file.close()
            Path(file.name).replace(target)
    except OSError as error:
        raise LocalError(f"{output} cannot be written: {error.strerror}") from None
    return count
