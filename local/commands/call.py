"""`aiflow call`."""

import sys
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, contextmanager, redirect_stdout
from pathlib import Path
from typing import Protocol, TypedDict, Unpack

import click
from rich.console import Console

from local.errors import LocalError
from local.mock_events import COLLEAGUE
from local.options import parameters_option, token_option
from local.phone.agent import load_agent
from local.phone.caller import PhoneCall
from local.phone.clock import Clock
from local.phone.console.acting import Caller, State
from local.phone.console.conversation import converse
from local.phone.console.live import Keyboard, converse_live
from local.phone.console.manners import Patient, Spontaneous
from local.phone.console.raw import JsonLines
from local.phone.console.recording import Recording
from local.phone.console.screen import Screen
from local.phone.console.tally import Tally
from local.phone.door import Door
from local.phone.given import number_of, session_id_of, switches_of
from local.phone.party import Party
from local.phone.switches import Switches
from local.phone.transcript import Entry
from local.project import TEMPLATE, find_project
from local.template import Template
