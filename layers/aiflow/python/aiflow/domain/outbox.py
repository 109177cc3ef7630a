"""The outbox: which actions are sent now, which are deferred and which are blocked.

From the reply of a handler to the actions that are sent: normalize, serialize, authorize, encode.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple, cast

from aiflow.domain.announcements import blocked_announcement
from aiflow.domain.billable_actions import BILLABLE, ONCE_MEMBER, idempotency_key
from aiflow.domain.redaction import carries_text
from aiflow.domain.spending_policy import DenyReason, deny_reason, remaining_actions
from aiflow.errors import InvalidAction
from aiflow.protocol import json_codec
from aiflow.protocol.actions import Action, BaseAction, Speak
from aiflow.protocol.types import JsonObject
from aiflow.sessions.record import SessionRecord
from aiflow.settings import Settings

_KEEPS_CALL_GOING = frozenset({"speak", "audio", "hangup", "transfer"})
"""After one of these the caller does not wait in silence."""
_ENDS_PLAYBACK = frozenset({"hangup", "transfer", "barge_in"})


class Outbox(NamedTuple):
    """Actions in the JSON of the protocol.

    Attributes:
        actions: to send now.
        deferred: to send when the playback has ended.
        corrected: how many of them named another session and were corrected.
    """

    actions: tuple[JsonObject, ...]
    deferred: tuple[JsonObject, ...] = ()
    corrected: int = 0


class Authorized(NamedTuple):
    """Actions after the spending policy.

    Attributes:
        actions: that may be sent.
        blocked: what was blocked and why, such as `transfer:country`.
    """

    actions: tuple[JsonObject, ...]
    blocked: tuple[str, ...]


def normalize_reply(reply: object, session_id: str) -> tuple[Action, ...]:
    """Return the actions that a reply stands for; blank text and an empty list are silence.

    Everything that a generator yields is one reply.

    Raises:
        InvalidAction: the handler returned something else.
    """
    if isinstance(reply, Iterator):
        chunks = cast("Iterator[object]", reply)
        return tuple(action for chunk in chunks for action in normalize_reply(chunk, session_id))
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


def serialize(actions: Sequence[Action], session_id: str, settings: Settings) -> Outbox:
    """Convert actions to JSON, for this session, and set apart what `.then` deferred.

    Raises:
        InvalidAction: a deferred action carries text, and transcripts are not stored.
    """
    following = [action for each in actions for action in each.deferred_actions]
    sent = tuple(_to_json(action, session_id) for action in actions)
    deferred = tuple(_to_json(action, session_id) for action in following)
    if deferred and not settings.stores_transcripts:
        at_once, deferred = split_deferred(deferred)
        sent += at_once
    return Outbox(
        actions=arm_input_timeout(sent, settings.input_timeout_seconds) if deferred else sent,
        deferred=deferred,
        corrected=sum(action.session_id != session_id for action in (*actions, *following)),
    )


def split_deferred(
    actions: Sequence[JsonObject],
) -> tuple[tuple[JsonObject, ...], tuple[JsonObject, ...]]:
    """Split deferred actions where transcripts are not stored: to send at once, and to defer.

    Deferred actions are stored, and text must not be. Actions with text are therefore sent directly
    behind the playback instead of after its end.

    Raises:
        InvalidAction: an action with text follows one that must be deferred, or would end the
            playback.
    """
    first_deferred = next(
        (
            index
            for index, action in enumerate(actions)
            if not carries_text(action) or action["type"] in _ENDS_PLAYBACK
        ),
        len(actions),
    )
    for action in actions[first_deferred:]:
        if carries_text(action):
            raise InvalidAction(
                f"STORE_TRANSCRIPTS is disabled, so {action['type']} cannot wait here: deferred"
                " actions are stored, and this one holds text. Defer only hangup, transfer or"
                " barge_in, without options of their own, as the last actions"
            )
    return tuple(actions[:first_deferred]), tuple(actions[first_deferred:])


def arm_input_timeout(actions: Sequence[JsonObject], seconds: float) -> tuple[JsonObject, ...]:
    """Set the input timeout on the last `speak`, in case its end is never reported."""
    last = max(
        (index for index, action in enumerate(actions) if action["type"] == "speak"), default=-1
    )
    return tuple(
        {"user_input_timeout_seconds": seconds, **action} if index == last else action
        for index, action in enumerate(actions)
    )


def authorize(
    record: SessionRecord, actions: Sequence[JsonObject], settings: Settings
) -> Authorized:
    """Remove billable actions that were decided before or that the policy denies.

    If that leaves the caller without an answer, the blocked message is added.
    """
    allowed: list[JsonObject] = []
    blocked: list[str] = []
    keys = {*record.billable_keys}
    remaining = remaining_actions(record, settings)
    for action in actions:
        kind = str(action["type"])
        if kind in BILLABLE:
            key = idempotency_key(action)
            if key in keys:
                continue
            has_quota = remaining[kind] > 0
            why = deny_reason(action, record.session, settings) if has_quota else DenyReason.CAP
            if why:
                blocked.append(f"{kind}:{why}")
                continue
            keys.add(key)
            remaining[kind] -= 1
        allowed.append(action)
    if blocked and _KEEPS_CALL_GOING.isdisjoint(action["type"] for action in allowed):
        allowed.append(blocked_announcement(record.session_id, settings).to_wire())
    return Authorized(tuple(allowed), tuple(blocked))


def encode_actions(actions: Sequence[JsonObject]) -> str | None:
    """Return the body of an answer in ASCII: an object, an array for several, None for none."""
    if not actions:
        return None
    return json_codec.encode(actions[0] if len(actions) == 1 else list(actions))


def _to_json(action: BaseAction, session_id: str) -> JsonObject:
    name: JsonObject = {} if action.once is None else {ONCE_MEMBER: action.once}
    return {**action.to_wire(), "session_id": session_id, **name}
