"""Comparison of transcripts over different transports."""

from typing import Any

from aiflow_local.simulator.engine.transcript import EntryKind, Transcript

type Comparable = tuple[int, str, Any]
"""Time, kind and content of an entry."""

_TRANSPORT_KINDS = frozenset({EntryKind.ANSWER, EntryKind.MESSAGE})
_TIMES = frozenset({"slow"})


def comparable(transcript: Transcript) -> list[Comparable]:
    """Return the entries that are the same over each transport.

    Left out are messages and their times, locations of problems, the session id, and
    `user_speech_started`, which is not sent over HTTP.
    """
    return [
        (entry.at_ms, entry.kind.value, _comparable(entry.data) or entry.text)
        for entry in transcript.entries
        if entry.kind not in _TRANSPORT_KINDS and not _is_apart(entry.data)
    ]


def _is_apart(data: dict[str, Any]) -> bool:
    name = data.get("event", {}).get("type")
    return name == "user_speech_started" or data.get("problem", {}).get("code") in _TIMES


def _comparable(data: dict[str, Any]) -> object:
    match data:
        case {"event": {"session": session, **members}}:
            return {**members, "session": {**session, "id": ""}}
        case {"action": action}:
            return {**action, "session_id": ""}
        case {"problem": problem}:
            return {**problem, "path": ""}
        case _:
            return data
