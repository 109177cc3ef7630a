"""Reads event scripts: JSON lines, one event each."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import click

from aiflow.errors import InvalidEvent
from aiflow.protocol.events import parse_event
from aiflow.protocol.types import JsonObject
from aiflow_local.emulator.sample_events import SESSION
from aiflow_local.errors import Unreadable
from aiflow_local.linting import parse


@dataclass(frozen=True)
class Script:
    """An event script.

    Attributes:
        name: name of its file.
        events: its events in order.
    """

    name: str
    events: tuple[JsonObject, ...]


def read_script(file: str) -> Script:
    """Read an event script; `-` is standard input.

    Blank lines and lines that start with `#` are skipped. An event without a `session.id` gets the
    session of this run, which is new each time.

    Raises:
        Unreadable: the file cannot be read, or a line is not an event; the message has the line.
    """
    session: JsonObject = {**SESSION, "id": str(uuid4())}
    name = "standard input" if file == "-" else Path(file).name
    events = tuple(_events(name, _lines(file), session))
    if not events:
        raise Unreadable("empty", f"{name} has no events: add one per line")
    return Script(name, events)


def _lines(file: str) -> list[bytes]:
    try:
        text = click.get_binary_stream("stdin").read() if file == "-" else Path(file).read_bytes()
    except OSError as error:
        raise Unreadable("unreadable", f"{file} cannot be read: {error.strerror}") from None
    return text.splitlines()


def _events(name: str, lines: Iterable[bytes], session: JsonObject) -> Iterable[JsonObject]:
    for number, line in enumerate(lines, start=1):
        if line.strip() and not line.lstrip().startswith(b"#"):
            try:
                yield _event(line, session)
            except Unreadable as error:
                message = f"{name}, line {number}: {error}"
                raise Unreadable(error.code, message) from None


def _event(line: bytes, session: JsonObject) -> JsonObject:
    event = parse(line)
    if not isinstance(event, dict):
        raise Unreadable("not_object", "is JSON, but not an object")
    given = event.get("session", {})
    if isinstance(given, dict) and "id" not in given:
        event["session"] = {**session, **given}
    try:
        parse_event(event)
    except InvalidEvent as error:
        raise Unreadable(error.reason, f"is not an event: {error}") from None
    return event
