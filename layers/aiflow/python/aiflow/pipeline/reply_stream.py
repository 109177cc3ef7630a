"""An answer that comes in pieces: what a handler yields, each piece as soon as it is there."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from aiflow.call import Call, Reply
from aiflow.domain.outbox import normalize_reply
from aiflow.protocol.actions import Action
from aiflow.protocol.types import JsonObject
from aiflow.sessions.record import as_json


class ReplyStream:
    """What a handler has still to say, and what it did to the state of the call on the way.

    Others may change the call between two pieces. So what counts is what this handler changed since
    its last commit, name by name.

    Args:
        replies: of the handler.
        call: in its hand.
    """

    def __init__(self, replies: Iterator[Reply], call: Call) -> None:
        self._replies = replies
        self._call = call
        self._known: Mapping[str, str] = {}
        self._put_back: tuple[Action, ...] = ()

    def next(self) -> tuple[Action, ...]:
        """Let the handler go on to its next piece; return it, or nothing at the end.

        Raises:
            InvalidAction: it yields what is no reply.
        """
        if self._put_back:
            actions, self._put_back = self._put_back, ()
            return actions
        for reply in self._replies:
            if actions := normalize_reply(reply, self._call.session.id):
                return actions
        return ()

    def put_back(self, actions: Sequence[Action], state: JsonObject) -> None:
        """Let the next piece be one that was taken already.

        Args:
            actions: of the piece; none of them for silence.
            state: of the call, as far as it is kept.
        """
        self._put_back = tuple(actions)
        self._known = _written(state)

    def stop(self) -> None:
        """End the handler where it stands: nobody waits for the rest."""
        close = getattr(self._replies, "close", None)
        if close:
            close()

    def committed(self) -> None:
        """Learn that what was done to the state so far is kept."""
        self._known = _written(self._call.state)

    def added_to(self, state: JsonObject) -> JsonObject:
        """Return a state with what the handler has changed in it since the last commit."""
        own = self._call.state
        changed = {
            name: value for name, value in own.items() if self._known.get(name) != as_json(value)
        }
        return {
            name: value
            for name, value in {**state, **changed}.items()
            if name in own or name not in self._known
        }


def _written(state: Mapping[str, Any]) -> dict[str, str]:
    return {name: as_json(value) for name, value in state.items()}
