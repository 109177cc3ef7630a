"""`aiflow call`."""

import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TypedDict, Unpack

import click

from local.errors import LocalError
from local.options import parameters_option, token_option
from local.phone.console.session import Session, Way
from local.phone.given import number_of, session_id_of, switches_of
from local.phone.party import Party
from local.phone.switches import Switches
from local.project import find_project

_EPILOG = """\b
Examples:
  aiflow call
  aiflow call --url https://bot.example.com/webhook --token secret
  aiflow call --set transfer=busy --set words_per_minute=120 --record call.jsonl
  printf 'hello\\n/keys 1\\ngoodbye\\n' | aiflow call
\b
What you type is what the caller says. /help shows the rest, Ctrl-C hangs up.
Lines from a pipe are a whole call: after the last one the caller hangs up.
\b
Exit codes: 0 fine, 1 an answer breaks the protocol or a handler failed,
2 the call cannot begin."""
