"""The call as a handler gets it in hand: a copy of what is kept, and ways to ask for more."""

import json

from aiflow.call import Call
from aiflow.domain import transitions
from aiflow.domain.departing import authorize
from aiflow.domain.outbox import serialize
from aiflow.pipeline.runtime import Runtime
from aiflow.protocol.actions import Action
from aiflow.protocol.events import Event, Session, SessionStart
from aiflow.sessions.record import SessionRecord, as_json
from aiflow.settings import Settings


def build_call(runtime: Runtime, event: Event, item: SessionRecord, *, has_moved: bool) -> Call:
    """Return the call in which an event happened.

    Args:
        runtime: what comes from outside.
        event: what happened.
        item: the call, with what the event itself says of it.
        has_moved: whether it was being transferred.
    """
    return Call(
        _session(event, item),
        # A copy for the handler: `deepcopy` is slower, and stumbles over deep nesting.
        state=json.loads(as_json(item.state)),
        history=item.turns,
        config=runtime.settings.agent,
        transfer_failed=has_moved and isinstance(event, SessionStart),
        transcript=lambda: runtime.sessions.turns(item.session_id),
        allows=lambda action: _is_allowed(action, item, runtime.settings),
    )


def _session(event: Event, item: SessionRecord) -> Session:
    """Return the session with what earlier events brought of it; most bring it whole."""
    if transitions.session_members(event) == item.session:
        return event.session
    return Session.model_validate({**item.session, "id": item.session_id})


def _is_allowed(action: Action, item: SessionRecord, settings: Settings) -> bool:
    asked = serialize((action,), item.session_id, settings)
    return authorize(item, asked.actions, settings).actions == asked.actions
