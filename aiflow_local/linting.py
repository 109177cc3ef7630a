"""Parse JSON, detect whether it is an event, an action or a response, and lint it."""

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
"""The size limit of the input, larger than any event, answer or response."""

_LINTERS: Mapping[Kind, Callable[[object], list[Diagnostic]]] = {
    "event": lint_event,
    "action": lint_answer,
    "response": lint_response,
}
_LEGACY_EVENTS = frozenset({"user_barge_in"})
# Members that only a response has.
_RESPONSE_MEMBERS = frozenset({"status", "statusCode", "body"})
_MESSAGES: Mapping[str, tuple[str, str]] = {
    "empty": ("not_json", "is empty"),
    "bad_encoding": ("bad_encoding", "starts with a byte order mark: save it as UTF-8 without one"),
    "too_deep": ("too_deep", "is nested too deeply"),
    "dup_key": ("dup_key", "has a key twice in one object: remove one of them"),
    "bad_number": ("bad_number", "has a number that is not valid in JSON, or is too long"),
}


@dataclass(frozen=True)
class LintResult:
    """The result of `aiflow check`.

    Attributes:
        kind: The kind of the input; None if it could not be parsed.
        type: The `type` of the event or of a single action; None otherwise.
        diagnostics: The findings, in the order of the JSON.
    """

    kind: Kind | None
    type: str | None
    diagnostics: tuple[Diagnostic, ...]

    @property
    def level(self) -> Level:
        """The highest severity of the diagnostics."""
        severities = {diagnostic.severity for diagnostic in self.diagnostics}
        return "error" if "error" in severities else "warning" if severities else "ok"

    def as_json(self) -> JsonObject:
        """Return the object that `aiflow check --json` prints."""
        return {
            "kind": self.kind,
            "type": self.type,
            "verdict": self.level,
            "problems": [asdict(diagnostic) for diagnostic in self.diagnostics],
        }


def parse(raw: bytes) -> JsonValue:
    """Parse JSON as strictly as the deployed functions do.

    Raises:
        Unreadable: The input is too large, not UTF-8, not JSON, or has a duplicate key.
    """
    if len(raw) > MAX_BYTES:
        raise Unreadable("too_large", f"is larger than {MAX_BYTES // 1024**2} MB")
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        where = _position(raw[: error.start].decode())
        raise Unreadable("bad_encoding", f"is not UTF-8 ({where})") from None
    try:
        return decode(text)
    except InvalidEvent as error:
        raise _unreadable(error.reason, text) from None


def lint(data: JsonValue, kind: Kind | None = None) -> LintResult:
    """Lint JSON as `kind`; without a kind, detect it."""
    kind = kind or detect_kind(data)
    return LintResult(kind, _type_of(data, kind), tuple(_LINTERS[kind](data)))


def detect_kind(data: JsonValue) -> Kind:
    """Detect the kind of JSON data from its members; if unclear, it is an action."""
    if not isinstance(data, dict):
        return "action"
    name = data.get("type")
    if isinstance(name, str) and name in ACTION_TYPES:
        return "action"
    if isinstance(name, str) and (name in EVENT_TYPES or name in _LEGACY_EVENTS):
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
    if reason in _MESSAGES:
        return Unreadable(*_MESSAGES[reason])
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        return Unreadable("not_json", f"is not JSON: {error.msg} ({where})")
    return Unreadable("not_json", "is not JSON")


def _position(before: str) -> str:
    lines = before.split("\n")
    return f"line {len(lines)}, column {len(lines[-1]) + 1}"
