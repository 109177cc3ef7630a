"""Format the views of calls as lines for a terminal."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import click

from aiflow_local.output import printable

_COLOURS = {"active": "green", "ended": None, "erased": "bright_black", "expired": "bright_black"}
_HEADINGS = ("begun (UTC)", "lasted", "status", "turns", "direction", "caller", "session")
_ROLES = {"user": "caller", "assistant": "agent"}
_NONE = "-"


def table_lines(summaries: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Return the lines of a table with a heading, one row for each call."""
    rows = [_HEADINGS, *map(_row, summaries)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for index, row in enumerate(rows):
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        if index:
            cells[2] = click.style(cells[2], _COLOURS.get(row[2], "yellow"))
        yield "  ".join(cells).rstrip()


def detail_lines(call: Mapping[str, Any]) -> Iterator[str]:
    """Return the lines that show one call: its facts, then its turns."""
    used = call["used"]
    facts = {
        "session": printable(call["session_id"]),
        "status": click.style(call["status"], _COLOURS.get(call["status"], "yellow")),
        "caller": printable(f"{call['caller']}, {call['direction'] or 'direction unknown'}"),
        "agent": printable(call["own_number"]),
        "begun": _time(call["begun_at"], " UTC"),
        "lasted": _duration(call["seconds"]),
        "expires": _time(call["expires_at"], " UTC"),
        "used": f"{_count(used['turns'], 'turn')}, {_count(used['sms'], 'text message')},"
        f" {_count(used['transfers'], 'transfer')}",
        "trouble": f"{_count(used['interruptions'], 'interruption')},"
        f" {_count(used['silences'], 'silence')}, apologies in a row: {used['apologies_in_a_row']}",
        "decided": printable(", ".join(f"{kind} {n}x" for kind, n in call["decided"].items())),
        "waiting": ", ".join(map(_json_text, call["waiting"])),
        "state": _state(call),
    }
    for name, fact in facts.items():
        yield f"{name:<8} {fact or _NONE}"
    for turn in call["said"]:
        yield f"{turn['number']:>6}  {_ROLES[turn['role']]:<6}  {_turn_text(turn)}"


def _row(call: Mapping[str, Any]) -> tuple[str, ...]:
    return (
        _time(call["begun_at"]),
        _duration(call["seconds"]),
        call["status"],
        str(call["turns"]),
        printable(call["direction"] or _NONE),
        printable(call["caller"]),
        printable(call["session_id"]),
    )


def _time(iso: str | None, zone: str = "") -> str:
    return iso.replace("T", " ").replace("Z", zone) if iso else _NONE


def _duration(seconds: int | None) -> str:
    if seconds is None:
        return _NONE
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _count(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


def _json_text(value: object) -> str:
    is_text = isinstance(value, str)
    return printable(str(value) if is_text else json.dumps(value, ensure_ascii=False))


def _state(call: Mapping[str, Any]) -> str:
    if "state" in call:
        return _json_text(call["state"])
    size = call["state_size"]
    return f"{_count(size['members'], 'member')}, {_count(size['bytes'], 'byte')}"


def _turn_text(turn: Mapping[str, Any]) -> str:
    if "text" in turn:
        return printable(turn["text"])
    return f"[{_count(turn['characters'], 'character')}]"
