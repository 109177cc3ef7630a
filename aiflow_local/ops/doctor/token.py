"""The token of a test call: never an argument, since other users can read those."""

import os
import sys
from pathlib import Path

import click

from aiflow_local.errors import Unreadable
from aiflow_local.stack.cli_options import is_valid_token

_VARIABLE = "AIFLOW_TOKEN"


def find_token(file: Path | None) -> str | None:
    """Read the token from the file, the environment or a prompt; None if there is none.

    Raises:
        Unreadable: The file cannot be read, or its content is not a token.
    """
    token = _read(file) if file else os.environ.get(_VARIABLE)
    if token is None and sys.stdin.isatty():
        text = "API token (not shown; Enter skips the test call)"
        token = click.prompt(text, hide_input=True, default="", show_default=False, err=True)
    if not token:
        return None
    if not is_valid_token(token):
        raise Unreadable(
            "bad_token", "the token has characters that are not allowed in a header: check the file"
        )
    return token


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8").strip()
    except (OSError, ValueError) as error:
        raise Unreadable("unreadable", f"{file} cannot be read: {error}") from None
