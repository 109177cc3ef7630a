"""Reads JSON from anywhere, finds out what it is, and judges it by the protocol."""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Literal

from aiflow.errors import InvalidEvent
from aiflow.protocol.actions import ACTION_TYPES
from aiflow.protocol.events import EVENT_TYPES
from aiflow.protocol.json_codec import decode
from aiflow.protocol.lint import Diagnostic, lint_answer, lint_event, lint_response
from aiflow.protocol.types import JsonObject, JsonValue
from aiflow_local.errors import Unreadable

type Kind = Literal["event", "action", "response"]
type Level = Literal["ok", "warning", "error"]

MAX_BYTES = 32 * 1024 * 1024
"""More than any event, answer or response can have."""

_RULES: Mapping[Kind, Callable[[object], list[Diagnostic]]] = {
    "event": lint_event,
    "action": lint_answer,
    "response": lint_response,
}
_OLDER_EVENTS = frozenset({"user_barge_in"})
# What a response has and neither an event nor an action.
_RESPONSE_MEMBERS = frozenset({"status", "statusCode", "body"})
_REASONS: Mapping[str, tuple[str, str]] = {
    "empty": ("not_json", "is empty"),
    "bad_encoding": ("bad_encoding", "starts with a byte order mark: save it as UTF-8 without one"),
    "too_deep": ("too_deep", "is nested too deeply to be read"),
    "dup_key": ("dup_key", "has a key twice in one object, so it has no one meaning"),
    "bad_number": ("bad_number", "has a number that is none in JSON, or is too long"),
}


@dataclass(frozen=True)
class Verdict:
    """What `check` found.

    Attributes:
        kind: what was judged; None when it could not be read.
        type: the `type` of the event, or of the one action; None for several and for none.
        problems: in the order of the JSON.
    """

    kind: Kind | None
    type: str | None
    problems: tuple[Diagnostic, ...]

    @property
    def level(self) -> Level:
        """The worst of the problems."""
        severities = {problem.severity for problem in self.problems}
        return "error" if "error" in severities else "warning" if severities else "ok"

    def as_json(self) -> JsonObject:
        """Return what `aiflow check --json` prints."""
        return {
            "kind": self.kind,
            "type": self.type,
            "verdict": self.level,
            "problems": [asdict(problem) for problem in self.problems],
        }


def parse(raw: bytes) -> JsonValue:
    """Read JSON as strictly as the functions do.

    Raises:
        Unreadable: it is too large, not UTF-8, not JSON, or ambiguous; with line and column.
    """
    if len(raw) > MAX_BYTES:
        raise Unreadable("too_large", f"is larger than {MAX_BYTES // 1024**2} MB")
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        where = _place(raw[: error.start].decode())
        raise Unreadable("bad_encoding", f"is not UTF-8 ({where})") from None
    try:
        return decode(text)
    except InvalidEvent as error:
        raise _unreadable(error.reason, text) from None


def judge(data: JsonValue, kind: Kind | None = None) -> Verdict:
    """Judge JSON as `kind`, or as what it looks like."""
    kind = kind or kind_of(data)
    return Verdict(kind, _type_of(data, kind), tuple(_RULES[kind](data)))


def kind_of(data: JsonValue) -> Kind:
    """Tell an event from an answer from a response; in doubt it is an answer."""
    if not isinstance(data, dict):
        return "action"
    name = data.get("type")
    if isinstance(name, str) and name in ACTION_TYPES:
        return "action"
    if isinstance(name, str) and (name in EVENT_TYPES or name in _OLDER_EVENTS):
        return "event"
    if "type" not in data and not _RESPONSE_MEMBERS.isdisjoint(data):
        return "response"
    return "event" if "session" in data and "session_id" not in data else "action"


def _type_of(data: JsonValue, kind: Kind) -> str | None:
    if kind == "response" and isinstance(data, dict):
        data = _body(data.get("body"))
    name = data.get("type") if isinstance(data, dict) else None
    return name if isinstance(name, str) else None


def _body(body: JsonValue) -> JsonValue:
    if not isinstance(body, str):
        return body
    try:
        return decode(body)
    except InvalidEvent:
        return None


def _unreadable(reason: str, text: str) -> Unreadable:
    if reason in _REASONS:
        return Unreadable(*_REASONS[reason])
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        return Unreadable("not_json", f"is not JSON: {error.msg} ({where})")
    return Unreadable("not_json", "is not JSON")


def _place(before: str) -> str:
    lines = before.split("\n")
    return f"line {len(lines)}, column {len(lines[-1]) + 1}"
