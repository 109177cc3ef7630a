"""Transcripts of the same call through different doors."""

from typing import Any

from aiflow_local.simulator.engine.transcript import EntryKind, Transcript

type Comparable = tuple[int, str, Any]
"""When, what kind of thing, and what."""

_OF_THE_DOOR = frozenset({EntryKind.ANSWER, EntryKind.MESSAGE})
_TIMES = frozenset({"slow"})


def comparable(transcript: Transcript) -> list[Comparable]:
    """Return what must be the same whatever door a call goes through.

    Left out are how actions were brought and how long that took, where in it something is wrong,
    the id of the session, and `user_speech_started`, which does not pass over HTTP.
    """
    return [
        (entry.at_ms, entry.kind.value, _comparable(entry.data) or entry.text)
        for entry in transcript.entries
        if entry.kind not in _OF_THE_DOOR and not _is_apart(entry.data)
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
