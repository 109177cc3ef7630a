"""Calls as they are handed out: everything, in JSON lines."""

import json
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

from local.errors import LocalError
from local.operating.calls.table import KeptCall

_OWNER_ONLY = 0o600


def exported(call: KeptCall) -> str:
    """Return all that is kept of a call, as one line."""
    turns = [turn._asdict() for turn in call.turns]
    deliveries = [delivery._asdict() for delivery in call.item.deliveries]
    return json.dumps({**asdict(call.item), "turns": turns, "deliveries": deliveries})


def write(lines: Iterable[str], output: Path) -> None:
    """Write lines to a file that only its owner may read.

    Raises:
        LocalError: it cannot be written.
    """
    try:
        output.touch(_OWNER_ONLY)
        # It may have been there, and open to all.
        output.chmod(_OWNER_ONLY)
        output.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    except OSError as error:
        raise LocalError(f"{output} cannot be written: {error.strerror}") from None
