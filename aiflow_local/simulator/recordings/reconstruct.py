"""Finds out what the caller did in a recorded call.

Not by the clock: an agent that says more today is let finish. So what the caller waited for must be
known. For that, the call is held once more, with a bot that answers as it did then.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from aiflow_local.simulator.engine.caller import KEY_GAP_MS, PhoneCall
from aiflow_local.simulator.engine.clock import Clock
from aiflow_local.simulator.engine.transcript import Entry, Kind
from aiflow_local.simulator.recordings.caller_steps import Move, perform
from aiflow_local.simulator.recordings.reader import Recorded
from aiflow_local.simulator.recordings.replay_bot import RecordedBot

_NEVER_MS = 2**53
_MARKS = (Kind.EVENT, Kind.HEARD, Kind.SAID)


@dataclass(frozen=True)
class Retraced:
    """A recorded call, understood.

    Attributes:
        moves: what the caller did, in order.
        is_over: whether the call had ended when the recording did.
    """

    moves: Sequence[Move]
    is_over: bool


def retrace(recorded: Recorded) -> Retraced:
    """Find out what the caller did in a call."""
    retracing = _Retracing(recorded)
    return Retraced(list(retracing.moves()), retracing.call.is_over)


@dataclass(frozen=True)
class _Act:
    """A move, when it was, and how many things had happened before."""

    at_ms: int
    before: int
    move: Move


class _Retracing:
    """Holds a recorded call once more, and looks around whenever the caller does something."""

    def __init__(self, recorded: Recorded) -> None:
        clock = Clock()
        bot = RecordedBot(recorded.entries, clock)
        self.call = PhoneCall(bot, recorded.switches, recorded.party, clock)
        self._entries = recorded.entries
        self._settled_ms: int | None = None
        self._settled = (0, 0)
        self._heard = 0

    def moves(self) -> Iterator[Move]:
        """Yield what the caller did."""
        acts = deque(_acts(self._entries))
        self.call.begin()
        while acts:
            act = acts.popleft()
            self._go_to(act.at_ms, act.before)
            if act.move.act == "set":
                perform(act.move, self.call)
                yield act.move
                continue
            placed = self._placed(act.move)
            yield self._say(placed, acts) if placed.act == "say" else self._do(placed)
            self._settled_ms = None
            self._heard = self._number(Kind.HEARD)
        if self._entries and not self.call.is_over:
            self._go_to(self._entries[-1].at_ms, len(self._entries))
            if self._settled_ms is not None and self._settled_ms < self._entries[-1].at_ms:
                yield self._placed(Move("wait"))

    def _do(self, move: Move) -> Move:
        perform(move, self.call)
        return move

    def _say(self, move: Move, acts: deque[_Act]) -> Move:
        """Say it; and what was said before the turn was over, since it belongs to it."""
        call = self.call
        turn = call.starts_saying(move.words)
        while turn and call.ears.turn is turn:
            if call.step(acts[0].at_ms if acts else _NEVER_MS):
                continue
            if call.is_over or not acts or acts[0].move.act != "say":
                break
            more = acts.popleft()
            call.clock.now_ms = max(call.clock.now_ms, more.at_ms)
            call.starts_saying(more.move.words)
            move = replace(move, words=f"{move.words} {more.move.words}".strip())
        return move

    def _go_to(self, at_ms: int, before: int) -> None:
        """Go to a moment in which so many things had happened."""
        call = self.call
        self._settle(at_ms - 1)
        while call.step(at_ms - 1):
            pass
        # Of what is due in this very millisecond, some may have come after it.
        while self._number(*_MARKS) < before and call.step(at_ms):
            pass
        call.clock.now_ms = max(call.clock.now_ms, at_ms)
        self._note_if_settled()

    def _settle(self, until_ms: int) -> None:
        call = self.call
        while call.step(until_ms if self._is_busy else min(until_ms, call.clock.now_ms)):
            pass
        if call.clock.now_ms <= until_ms:
            self._note_if_settled()

    def _note_if_settled(self) -> None:
        if self._settled_ms is None and not self._is_busy:
            self._settled_ms = self.call.clock.now_ms
            self._settled = self._so_far()

    @property
    def _is_busy(self) -> bool:
        call = self.call
        return bool(call.voice.current or call.ears.turn or call.outside.is_ringing)

    def _placed(self, move: Move) -> Move:
        """Return a move with what the caller waited for."""
        call, playback = self.call, self.call.voice.current
        now_ms, since_ms = call.clock.now_ms, self._settled_ms
        until_ms = playback.started_ms if playback else now_ms
        skipped = self._number(Kind.HEARD) - self._heard
        return replace(
            move,
            silence_ms=0 if since_ms is None else until_ms - since_ms,
            after_ms=now_ms - playback.started_ms if playback else None,
            skipped=skipped if playback and since_ms is None else 0,
            settled=self._so_far() if since_ms is None else self._settled,
            reached=self._so_far(),
        )

    def _so_far(self) -> tuple[int, int]:
        return len(self.call.actions), self._number(Kind.EVENT)

    def _number(self, *kinds: Kind) -> int:
        return sum(entry.kind in kinds for entry in self.call.transcript.entries)


def _acts(entries: Sequence[Entry]) -> Iterator[_Act]:
    """Yield what the caller did, and when; keys that were pressed in a row are one."""
    row: _Act | None = None
    last_ms = before = 0
    for entry in entries:
        move = _move(entry)
        goes_on = row and row.move.act == "press" and entry.at_ms == last_ms + KEY_GAP_MS
        if row and goes_on and move and move.act == "press":
            row = replace(row, move=replace(row.move, words=row.move.words + move.words))
        elif move:
            if row:
                yield row
            row = _Act(entry.at_ms, before, move)
        if move:
            last_ms = entry.at_ms
        before += entry.kind in _MARKS
    if row:
        yield row


def _move(entry: Entry) -> Move | None:
    data = entry.data
    if entry.kind is Kind.NOTE and "switches" in data:
        return Move("set", switches=data["switches"])
    if entry.kind is not Kind.SAID:
        return None
    if "words" in data:
        return Move("say", data["words"])
    return Move("press", data["key"]) if "key" in data else Move("hang up")
