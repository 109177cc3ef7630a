"""Streamed replies: a handler yields chunks, and each is committed and sent by itself."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from aiflow.call import Call, Reply
from aiflow.domain.outbox import normalize_reply
from aiflow.protocol.actions import Action
from aiflow.protocol.types import JsonObject
from aiflow.sessions.codec import as_json


class ReplyStream:
    """The chunks that a handler has yet to yield, and its changes of `call.state`.

    Others may change the call between two chunks. Therefore only what this handler has changed
    since its last commit is merged, name by name.

    Args:
        replies: of the handler.
        call: that the handler uses.
    """

    def __init__(self, replies: Iterator[Reply], call: Call) -> None:
        self._replies = replies
        self._call = call
        self._committed: Mapping[str, str] = {}
        self._pushed_back: tuple[Action, ...] = ()

    def next(self) -> tuple[Action, ...]:
        """Run the handler to its next chunk; return that, or nothing at the end.

        Raises:
            InvalidAction: it yields something that is not a reply.
        """
        if self._pushed_back:
            actions, self._pushed_back = self._pushed_back, ()
            return actions
        for reply in self._replies:
            if actions := normalize_reply(reply, self._call.session.id):
                return actions
        return ()

    def push_back(self, actions: Sequence[Action], state: JsonObject) -> None:
        """Return a chunk that was taken already from the next `next`.

        Args:
            actions: of the chunk; none for silence.
            state: of the call as committed.
        """
        self._pushed_back = tuple(actions)
        self._committed = _encoded(state)

    def close(self) -> None:
        """Stop the handler: nothing waits for the rest."""
        close = getattr(self._replies, "close", None)
        if close:
            close()

    def mark_committed(self) -> None:
        """Note that the handler's changes of the state so far are committed."""
        self._committed = _encoded(self._call.state)

    def merge_state_into(self, state: JsonObject) -> JsonObject:
        """Return a state with the handler's changes since the last commit."""
        own = self._call.state
        changed = {
            name: value
            for name, value in own.items()
            if self._committed.get(name) != as_json(value)
        }
        return {
            name: value
            for name, value in {**state, **changed}.items()
            if name in own or name not in self._committed
        }


def _encoded(state: Mapping[str, Any]) -> dict[str, str]:
    return {name: as_json(value) for name, value in state.items()}
