"""Replies: from what a handler returned to the actions that leave and their HTTP answer."""

from collections.abc import Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import Any, NamedTuple, cast

from aiflow.domain.redaction import split_deferred
from aiflow.domain.transitions import ONCE_MEMBER
from aiflow.errors import (
    AccountNotAllowed,
    BodyTooLarge,
    InvalidAction,
    InvalidEvent,
    MethodNotAllowed,
    RequestRejected,
    Unauthorized,
    UnsupportedBody,
)
from aiflow.protocol import json_codec
from aiflow.protocol.actions import Action, BaseAction, Speak
from aiflow.protocol.types import JsonObject
from aiflow.settings import Settings

STATUS: Mapping[type[RequestRejected], HTTPStatus] = {
    InvalidEvent: HTTPStatus.BAD_REQUEST,
    Unauthorized: HTTPStatus.UNAUTHORIZED,
    AccountNotAllowed: HTTPStatus.FORBIDDEN,
    MethodNotAllowed: HTTPStatus.METHOD_NOT_ALLOWED,
    BodyTooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    UnsupportedBody: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
}
"""Everything that is refused. All else, authenticated and well-formed, ends in 200 or 204."""


class Serialized(NamedTuple):
    """Actions on their way out.

    Attributes:
        actions: what is sent now.
        followers: what waits for the end of its playback.
        foreign: how many of them named another session and were put right.
    """

    actions: tuple[JsonObject, ...]
    deferred_actions: tuple[JsonObject, ...] = ()
    foreign: int = 0


def normalize_reply(reply: object, session_id: str) -> tuple[Action, ...]:
    """Return the actions that a reply stands for; blank text and an empty list are silence.

    Of a generator all that it yields is one reply.

    Raises:
        InvalidAction: the handler returned something else.
    """
    if isinstance(reply, Iterator):
        pieces = cast("Iterator[object]", reply)
        return tuple(action for piece in pieces for action in normalize_reply(piece, session_id))
    if isinstance(reply, str):
        reply = (
            Speak.model_validate({"session_id": session_id, "text": reply})
            if reply.strip()
            else None
        )
    if reply is None:
        return ()
    actions = tuple(cast("Sequence[object]", reply)) if isinstance(reply, Sequence) else (reply,)
    for action in actions:
        if not isinstance(action, BaseAction):
            kind = type(action).__name__
            raise InvalidAction(f"a handler returns actions, text or None, but not {kind}")
    return cast("tuple[Action, ...]", actions)


def serialize(actions: Sequence[Action], session_id: str, settings: Settings) -> Serialized:
    """Write actions as they leave: for this session, and watched where something waits for them.

    Raises:
        InvalidAction: what should wait has words, and none are to be kept.
    """
    followers = [follower for action in actions for follower in action.deferred_actions]
    sent = tuple(_addressed(action, session_id) for action in actions)
    waiting = tuple(_addressed(follower, session_id) for follower in followers)
    if waiting and not settings.stores_transcripts:
        at_once, waiting = split_deferred(waiting)
        sent += at_once
    return Serialized(
        actions=arm_input_timeout(sent, settings.input_timeout_seconds) if waiting else sent,
        deferred_actions=waiting,
        foreign=sum(action.session_id != session_id for action in (*actions, *followers)),
    )


def arm_input_timeout(actions: Sequence[JsonObject], seconds: float) -> tuple[JsonObject, ...]:
    """Arm the input timeout on the last `speak`: it stands in for an end that is never reported."""
    last = max(
        (index for index, action in enumerate(actions) if action["type"] == "speak"), default=-1
    )
    return tuple(
        {"user_input_timeout_seconds": seconds, **action} if index == last else action
        for index, action in enumerate(actions)
    )


def encode_actions(actions: Sequence[JsonObject]) -> str | None:
    """Return the body of an answer: one action as an object, several as an array, none as no body.

    It is ASCII: as many bytes as characters.
    """
    if not actions:
        return None
    return json_codec.encode(actions[0] if len(actions) == 1 else list(actions))


def ok_or_no_content(body: str | None) -> dict[str, Any]:
    """Return 200 with actions, or 204 without a body.

    A 200 without an action was seen to leave the service without ears.
    """
    if body is None:
        return {"statusCode": HTTPStatus.NO_CONTENT.value}
    return _http(HTTPStatus.OK, body)


def error_response(refusal: RequestRejected) -> dict[str, Any]:
    """Return the 4xx of a refusal, with a body for the person who tries it by hand."""
    status = STATUS[type(refusal)]
    return _http(status, json_codec.encode({"error": status.phrase, "message": str(refusal)}))


def _http(status: HTTPStatus, body: str) -> dict[str, Any]:
    return {
        "statusCode": status.value,
        "headers": {"content-type": "application/json"},
        "body": body,
    }


def _addressed(action: BaseAction, session_id: str) -> JsonObject:
    name: JsonObject = {} if action.once is None else {ONCE_MEMBER: action.once}
    return {**action.to_wire(), "session_id": session_id, **name}
