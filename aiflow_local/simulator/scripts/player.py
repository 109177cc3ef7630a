"""Sends the events of a script to a bot and records what comes back."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from http import HTTPStatus

from aiflow.errors import InvalidEvent
from aiflow.protocol.json_codec import decode
from aiflow.protocol.lint import Diagnostic
from aiflow.protocol.types import JsonObject, JsonValue
from aiflow_local.simulator.bots.connector import ConnectedBot
from aiflow_local.simulator.engine.clock import Clock
from aiflow_local.simulator.engine.delivery import EventDelivery
from aiflow_local.simulator.engine.message_validation import is_not_an_action
from aiflow_local.simulator.engine.options import ServiceOptions
from aiflow_local.simulator.engine.transcript import (
    EntryKind,
    Transcript,
    TranscriptEntry,
    TranscriptWriter,
)

type State = Mapping[str, JsonValue]
"""Stored values of a call, by name."""

PAUSE_MS = 60_000
"""Virtual time between two events: longer than any playback takes."""

_UNREACHABLE = frozenset({"no_connection", "no_tls", "refused"})


@dataclass(frozen=True)
class Exchange:
    """An event and what came back for it.

    Attributes:
        event: the event, as it was sent.
        entries: its part of the transcript.
        ms: milliseconds until the answer, or until the failure.
        changes: stored values of the call that changed, by name; None for a removed value.
    """

    event: JsonObject
    entries: Sequence[TranscriptEntry]
    ms: float
    changes: State

    @property
    def problems(self) -> list[Diagnostic]:
        """Problems of the answer."""
        return Transcript([*self.entries]).problems

    @property
    def actions(self) -> list[JsonObject]:
        """Actions that the bot sent, valid or not, as far as they are JSON objects."""
        return [action for entry in self.entries for action in _actions(entry)]

    @property
    def is_valid(self) -> bool:
        """Whether the answer keeps to the protocol."""
        return all(problem.severity != "error" for problem in self.problems)

    @property
    def is_unreachable(self) -> bool:
        """Whether the bot cannot be reached for further events either."""
        return any(problem.code in _UNREACHABLE for problem in self.problems)

    def as_json(self) -> JsonObject:
        """Return the line that `aiflow play --json` prints."""
        statuses = (entry.data.get("status") for entry in self.entries)
        return {
            "event": self.event,
            "status": next((status for status in statuses if status is not None), None),
            "ms": round(self.ms, 1),
            "actions": [*self.actions],
            "problems": [asdict(problem) for problem in self.problems],
            "changes": {**self.changes},
        }


class EventPlayer:
    """Sends events to a bot, one after another.

    Args:
        bot: the connected bot.
        options: deadlines of the service.
        clock: clock of the bot; a minute passes after each event.
        transcript: records events, answers, actions and problems.
    """

    def __init__(
        self, bot: ConnectedBot, options: ServiceOptions, clock: Clock, transcript: Transcript
    ) -> None:
        self._connection = bot.connection
        self._read_stored = stored_values(bot)
        self._options = options
        self._clock = clock
        self._transcript = transcript
        self._writer = TranscriptWriter(clock, transcript)
        self._delivery = EventDelivery(bot.connection, self._writer)
        self._stored: dict[str, State] = {}

    def play(self, events: Sequence[JsonObject]) -> Iterator[Exchange]:
        """Yield an exchange for each event; stop early if the bot cannot be reached."""
        for event in events:
            exchange = self._exchange(event)
            yield exchange
            if exchange.is_unreachable:
                return
            self._clock.run_until(self._clock.now_ms + PAUSE_MS)

    def _exchange(self, event: JsonObject) -> Exchange:
        session_id, first = session_id_of(event), len(self._transcript.entries)
        self._receive(session_id)
        begun = time.monotonic()
        result = self._delivery.deliver(event, self._options)
        ms = (time.monotonic() - begun) * 1000
        for action in result.actions:
            self._writer.action(action)
        self._receive(session_id)
        entries = self._transcript.entries[first:]
        measured = (entry.data["ms"] for entry in entries if entry.kind is EntryKind.ANSWER)
        return Exchange(event, entries, next(measured, ms), self._changes(session_id))

    def _receive(self, session_id: str) -> None:
        for arrived in self._connection.take_unsolicited():
            result = self._delivery.receive(arrived, session_id, self._options)
            for action in result.actions:
                self._writer.action(action)

    def _changes(self, session_id: str) -> State:
        if self._read_stored is None:
            return {}
        before, after = self._stored.get(session_id, {}), self._read_stored(session_id)
        self._stored[session_id] = after
        removed: State = dict.fromkeys(before.keys() - after.keys())
        changed = {name: value for name, value in after.items() if before.get(name) != value}
        return {**changed, **removed}


def stored_values(bot: ConnectedBot) -> Callable[[str], State] | None:
    """Return a function that reads the stored values of a session: status, waiting and state."""
    read_record = bot.read_record
    if read_record is None:
        return None

    def read(session_id: str) -> State:
        record = read_record(session_id)
        if record is None:
            return {}
        waiting: list[JsonValue] = [action["type"] for action in record.deferred_actions]
        state = {f"state.{name}": value for name, value in record.state.items()}
        return {
            "status": record.status.value,
            **({"waiting": waiting} if waiting else {}),
            **state,
        }

    return read


def session_id_of(event: JsonObject) -> str:
    """Return the session id of a validated event."""
    session = event["session"]
    return str(session["id"]) if isinstance(session, dict) else ""


def _actions(entry: TranscriptEntry) -> Iterator[JsonObject]:
    status, body = entry.data.get("status"), entry.data.get("body", "")
    is_message = status is None
    if status not in {None, HTTPStatus.OK} or (is_message and is_not_an_action(body)):
        return
    try:
        decoded = decode(body)
    except InvalidEvent:
        return
    items = decoded if isinstance(decoded, list) else [decoded]
    yield from (item for item in items if isinstance(item, dict))
