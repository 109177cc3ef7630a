"""The token of a test call: never out of the arguments, which others on the machine can read."""

import os
import sys
from pathlib import Path

import click

from aiflow_local.errors import Unreadable
from aiflow_local.stack.cli_options import is_visible

_VARIABLE = "AIFLOW_TOKEN"


def find_token(file: Path | None) -> str | None:
    """Return the token of the file, of the environment, or of whoever is asked; None if nobody is.

    Raises:
        Unreadable: the file cannot be read, or what was found can be no token.
    """
    token = _read(file) if file else os.environ.get(_VARIABLE)
    if token is None and sys.stdin.isatty():
        text = "API token (not shown; Enter leaves the test call out)"
        token = click.prompt(text, hide_input=True, default="", show_default=False, err=True)
    if not token:
        return None
    if not is_visible(token):
        raise Unreadable("bad_token", "the token has characters that no header can carry")
    return token


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8").strip()
    except (OSError, ValueError) as error:
        raise Unreadable("unreadable", f"{file} cannot be read: {error}") from None
