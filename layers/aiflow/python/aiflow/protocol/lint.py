"""Check JSON against the protocol, for the simulator, for `aiflow check`, and for answers.

An `error` is something that the service rejects or should reject; a `warning` is valid but likely a
mistake. Codes are stable, paths are JSON Pointers. No message quotes a value, since values may be
caller speech. These functions never raise.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import cast

from pydantic import ValidationError

from aiflow.errors import InvalidEvent
from aiflow.protocol.actions import (
    ACTION_TYPES,
    Action,
    Audio,
    ConfigureTranscription,
    ConfigureVoiceToVoice,
    ElevenLabsTts,
    ElevenLabsVoice,
    Hangup,
    Speak,
    Transfer,
)
from aiflow.protocol.constraints import is_object
from aiflow.protocol.diagnostics import Diagnostic, describe, member_path
from aiflow.protocol.events import EVENT_TYPES, LEGACY_MEMBERS, LEGACY_TYPES, parse_event
from aiflow.protocol.json_codec import decode

__all__ = ["Diagnostic", "describe", "lint_actions", "lint_answer", "lint_event", "lint_response"]

_DTMF_KEYS = tuple("0123456789*#")
_OK, _NO_CONTENT = 200, 204
_REDIRECTS = range(300, 400)
# The maximum nesting of objects in an action: the action, `tts`, `voice`.
_MAX_DEPTH = 3


def lint_event(data: object) -> list[Diagnostic]:
    """Check one event as the service sends it."""
    if not is_object(data):
        return [Diagnostic.error("not_object", "", "must be a JSON object")]
    try:
        parse_event(cast("Mapping[str, object]", data))
    except InvalidEvent as error:
        path = "/type" if error.reason == "bad_type" else "/session/id"
        return [Diagnostic.error(error.reason, path, str(error))]
    return list(_event_warnings(data))


def lint_answer(data: object, session_id: str | None = None) -> list[Diagnostic]:
    """Check an answer: one action or an array of actions, optionally for a given session id."""
    if not isinstance(data, list):
        diagnostics, action = _parse_action(data, "", session_id)
        return [*diagnostics, *_action_warnings(action, "")]
    if not data:
        return [
            Diagnostic.warning("empty_array", "", "does nothing: answer 204 without a body instead")
        ]
    items = cast("list[object]", data)
    parsed = [_parse_action(item, f"/{index}", session_id) for index, item in enumerate(items)]
    diagnostics = [diagnostic for found, _ in parsed for diagnostic in found]
    return [*diagnostics, *_sequence_warnings([action for _, action in parsed])]


def lint_actions(actions: Sequence[Action]) -> list[Diagnostic]:
    """Check the combination of actions that are valid models."""
    return list(_sequence_warnings(actions))


def lint_response(data: object, session_id: str | None = None) -> list[Diagnostic]:
    """Check an HTTP response: `{"status": int, "headers": {...}, "body": text or JSON}`."""
    if not is_object(data):
        return [
            Diagnostic.error(
                "not_object", "", 'must be {"status": ..., "headers": ..., "body": ...}'
            )
        ]
    status, body = data.get("status"), data.get("body")
    blank = body is None or (isinstance(body, str) and not body.strip())
    if isinstance(status, int) and status == _NO_CONTENT:
        ignored = Diagnostic.warning(
            "ignored_body", "/body", "is ignored: a response with 204 has no body"
        )
        return [] if blank else [ignored]
    if not isinstance(status, int) or status != _OK:
        return [Diagnostic.error("bad_status", "/status", _status_message(status))]
    if blank:
        message = "must be an action: for nothing to do, answer 204 without a body"
        return [Diagnostic.error("empty_body", "/body", message)]
    return [*_content_type_diagnostics(data.get("headers")), *_body_diagnostics(body, session_id)]


def _status_message(status: object) -> str:
    message = "must be 200 (actions) or 204 (nothing to do)"
    if not isinstance(status, int) or isinstance(status, bool):
        return message
    why = "; redirects are not followed" if status in _REDIRECTS else ""
    return f"is {status}, but {message}{why}"


def _event_warnings(data: Mapping[object, object]) -> Iterator[Diagnostic]:
    name = cast("str", data["type"])
    if name in LEGACY_TYPES:
        message = f"is a legacy type: send {LEGACY_TYPES[name]} with barged_in instead"
        yield Diagnostic.warning("legacy_name", "/type", message)
    elif name not in EVENT_TYPES:
        message = "is not an event type of the protocol; it is acknowledged with 204"
        yield Diagnostic.warning("unknown_event", "/type", message)
    legacy, current = LEGACY_MEMBERS.get(name, ("", ""))
    if legacy in data:
        yield Diagnostic.warning(
            "legacy_name", member_path(legacy), f"is a legacy name: use {current} instead"
        )
    elif name == "dtmf_received" and not _is_key(data.get("digit")):
        yield Diagnostic.warning(
            "odd_digit", "/digit", "should be one of 0-9, * and #, as a string"
        )


def _is_key(digit: object) -> bool:
    return isinstance(digit, str) and digit in _DTMF_KEYS


def _parse_action(
    data: object, path: str, session_id: str | None
) -> tuple[list[Diagnostic], Action | None]:
    if not is_object(data):
        message = "must be an action: a JSON object with type and session_id"
        return [Diagnostic.error("not_an_action", path, message)], None
    name = data.get("type")
    model = ACTION_TYPES.get(name) if isinstance(name, str) else None
    if model is None:
        fault = "is not an action type" if "type" in data else "is missing"
        message = f"{fault}: use one of {', '.join(ACTION_TYPES)}"
        return [Diagnostic.error("not_an_action", f"{path}/type", message)], None
    diagnostics = [*_session_id_diagnostics(data.get("session_id"), path, session_id)]
    action = None
    try:
        action = model.model_validate(data)
    except ValidationError as error:
        diagnostics += describe(error, data, path)
    # Models accept `None` as "not given", but the protocol does not allow null.
    reported = {diagnostic.path for diagnostic in diagnostics}
    diagnostics += [null for null in _nulls(data, path) if null.path not in reported]
    return diagnostics, action


def _session_id_diagnostics(
    given: object, path: str, session_id: str | None
) -> Iterator[Diagnostic]:
    if not isinstance(given, str):
        return
    if "{{" in given:
        message = "is a template placeholder: it must be session.id of the event"
        yield Diagnostic.error("template_session_id", f"{path}/session_id", message)
    elif session_id is not None and given != session_id:
        message = "must be session.id of the event that is answered"
        yield Diagnostic.error("foreign_session_id", f"{path}/session_id", message)


def _nulls(
    data: Mapping[object, object], path: str, depth: int = _MAX_DEPTH
) -> Iterator[Diagnostic]:
    for name, value in data.items():
        here = path + member_path(name)
        if value is None:
            yield Diagnostic.error("null_member", here, "must not be null: leave it out")
        elif is_object(value) and depth > 1:
            yield from _nulls(value, here, depth - 1)


def _sequence_warnings(actions: Sequence[Action | None]) -> Iterator[Diagnostic]:
    voice_to_voice = any(isinstance(action, ConfigureVoiceToVoice) for action in actions)
    playing = over = False
    for index, action in enumerate(actions):
        path = f"/{index}"
        yield from _action_warnings(action, path)
        if over:
            yield Diagnostic.warning(
                "unreachable", path, "has no effect after hangup, which ends the call"
            )
        if playing and isinstance(action, Hangup | Transfer):
            message = "cuts off the playback before it: send it on assistant_speech_ended"
            yield Diagnostic.warning("cut_off", path, f"{message}, as speak(...).then(...) does")
        if voice_to_voice and isinstance(action, Speak):
            message = "is only an instruction to the model in voice-to-voice: use greeting"
            yield Diagnostic.warning("speak_in_voice_to_voice", path, message)
        playing = playing or isinstance(action, Speak | Audio)
        over = over or isinstance(action, Hangup)


def _action_warnings(action: Action | None, path: str) -> Iterator[Diagnostic]:
    match action:
        case ConfigureTranscription() if action.to_wire().keys() == {"type", "session_id"}:
            yield Diagnostic.warning("no_op", path, "changes nothing without an option")
        case Speak(tts=ElevenLabsTts(voice=ElevenLabsVoice())):
            message = "is a legacy form: give the voice id as a string"
            yield Diagnostic.warning("older_voice", f"{path}/tts/voice", message)
        case _:
            pass
    if isinstance(action, Speak | Audio) and _ignores_minimum(action):
        message = "has an effect only with the strategy minimum_characters"
        yield Diagnostic.warning("ignored_option", f"{path}/barge_in/minimum_characters", message)


def _ignores_minimum(action: Speak | Audio) -> bool:
    config = action.barge_in
    if config is None or config.minimum_characters is None:
        return False
    return config.strategy not in {None, "minimum_characters"}


def _content_type_diagnostics(headers: object) -> Iterator[Diagnostic]:
    for name, value in headers.items() if is_object(headers) else ():
        if isinstance(name, str) and name.lower() == "content-type" and isinstance(value, str):
            media_type, _, _ = value.partition(";")
            if media_type.strip().lower() == "application/json":
                return
    yield Diagnostic.warning(
        "content_type", "/headers", "should have content-type: application/json"
    )


def _body_diagnostics(body: object, session_id: str | None) -> Iterator[Diagnostic]:
    if isinstance(body, str):
        try:
            body = decode(body)
        except InvalidEvent as error:
            yield Diagnostic.error("not_json", "/body", f"must be an action as JSON. {error}")
            return
    for diagnostic in lint_answer(body, session_id):
        yield replace(diagnostic, path=f"/body{diagnostic.path}")
