"""The handler runner: builds the `Call` of an event and runs the user's handler."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from aiflow.call import Call, Reply
from aiflow.domain.outbox import authorize, normalize_reply, serialize
from aiflow.domain.transitions import session_members
from aiflow.pipeline.reply_stream import ReplyStream
from aiflow.pipeline.runtime import Runtime
from aiflow.protocol.actions import Action
from aiflow.protocol.events import Event, Session, SessionStart
from aiflow.sessions.codec import as_json
from aiflow.sessions.record import SessionRecord


class HandlerReply(NamedTuple):
    """What a handler replied.

    Attributes:
        actions: of the reply, or of its first chunk.
        stream: the rest of a streamed reply; None if the reply is complete.
    """

    actions: tuple[Action, ...]
    stream: ReplyStream | None


@dataclass(frozen=True)
class HandlerRunner:
    """Runs the handler for one event.

    Attributes:
        runtime: where older turns and settings come from.
        handle: the user's handler.
        event: that it handles.
        can_stream: whether several answers can be sent.
    """

    runtime: Runtime
    handle: Callable[..., Reply]
    event: Event
    can_stream: bool

    def build_call(self, record: SessionRecord, *, was_transferring: bool) -> Call:
        """Return the call for the handler.

        Args:
            record: after the event was applied.
            was_transferring: whether a transfer was under way before the event.
        """
        runtime = self.runtime
        return Call(
            self._session(record),
            # A copy; `deepcopy` is slower and fails on deep nesting.
            state=json.loads(as_json(record.state)),
            history=record.turns,
            config=runtime.settings.agent,
            transfer_failed=was_transferring and isinstance(self.event, SessionStart),
            transcript=lambda: runtime.sessions.turns(record.session_id),
            allows=lambda action: self._is_allowed(action, record),
        )

    def run(self, call: Call) -> HandlerReply:
        """Run the handler, or run it to its first chunk if it yields.

        Raises:
            InvalidAction: it returned something that is not a reply.
        """
        reply = self.handle(self.event, call)
        if self.can_stream and isinstance(reply, Iterator):
            stream = ReplyStream(reply, call)
            return HandlerReply(stream.next(), stream)
        return HandlerReply(normalize_reply(reply, call.session.id), None)

    def _session(self, record: SessionRecord) -> Session:
        """Return the session with what earlier events brought; most events bring all of it."""
        if session_members(self.event) == record.session:
            return self.event.session
        return Session.model_validate({**record.session, "id": record.session_id})

    def _is_allowed(self, action: Action, record: SessionRecord) -> bool:
        settings = self.runtime.settings
        outbox = serialize((action,), record.session_id, settings)
        return authorize(record, outbox.actions, settings).actions == outbox.actions
