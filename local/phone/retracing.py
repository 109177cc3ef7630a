"""What the caller did in a recorded call, told so that it can be done again.

Not by the clock: an agent that says more today is let finish. Therefore each move tells what the
caller waited for. To know that, the call is held once more, with a bot that answers as it did then.
"""

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from aiflow.protocol.types import JsonObject
from local.phone.caller import KEY_GAP_MS, PhoneCall
from local.phone.door import Answered, Failed
from local.phone.recording import Recorded
from local.phone.transcript import Entry, Kind

type Act = Literal["say", "press", "hang up", "set", "wait"]

_NEVER_MS = 2**53
_MARKS = (Kind.EVENT, Kind.HEARD, Kind.SAID)
_HEADERS = {"content-type": "application/json"}


@dataclass(frozen=True)
class Move:
    """Something that the caller did.

    Attributes:
        act: what.
        words: that were said, or keys that were pressed.
        switches: of the service, that changed.
        silence_ms: how long nobody spoke before.
        after_ms: how far into a playback it was; None for when nobody spoke.
        skipped: how many playbacks were let pass before that one.
        settled: how many actions there had been when the silence began, and events.
        reached: how many actions there had been when the caller did it, and events.
    """

    act: Act
    words: str = ""
    switches: Mapping[str, Any] | None = None
    silence_ms: int = 0
    after_ms: int | None = None
    skipped: int = 0
    settled: tuple[int, int] = (0, 0)
    reached: tuple[int, int] = (0, 0)


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


def do(move: Move, call: PhoneCall) -> None:
    """Do it once more, in another call."""
    if move.act != "set":
        _approach(move, call)
    _perform(move, call)


def _approach(move: Move, call: PhoneCall) -> None:
    if move.silence_ms or move.after_ms is None:
        call.settle()
        call.lets_pass(move.silence_ms)
    if move.after_ms is not None:
        for _ in range(move.skipped):
            _listen_to_its_end(call)
        call.listens(move.after_ms)


def _listen_to_its_end(call: PhoneCall) -> None:
    call.listens(0)
    playback = call.voice.current
    while playback and call.voice.current is playback and call.step(playback.end.at_ms):
        pass


def _perform(move: Move, call: PhoneCall) -> None:
    if call.is_over:
        return
    match move.act:
        case "say":
            call.says_now(move.words)
        case "press":
            call.presses_now(move.words)
        case "hang up":
            call.hangs_up()
        case "set":
            change = dict(move.switches or {})
            call.switches = call.switches.model_copy(update=change)
            told = ", ".join(f"{name} is {value}" for name, value in change.items())
            call.scribe.take_down(Kind.NOTE, f"from now on {told}", {"switches": change})
        case "wait":
            pass


@dataclass(frozen=True)
class _Act:
    """A move, when it was, and how many things had happened before."""

    at_ms: int
    before: int
    move: Move


class _RecordedBot:
    """A door behind which everything is answered as it was then."""

    reports_speech_started = False

    def __init__(self, entries: Sequence[Entry]) -> None:
        self._outcomes: deque[deque[Answered | Failed]] = deque()
        for entry in entries:
            if entry.kind is Kind.EVENT:
                self._outcomes.append(deque())
            elif outcome := self._outcome(entry):
                self._outcomes[-1].append(outcome)
        self._last: JsonObject | None = None

    def send(self, event: JsonObject) -> Answered | Failed:
        """Answer as it was answered then; what was not asked then, with nothing."""
        if event is not self._last and self._last is not None and self._outcomes:
            self._outcomes.popleft()
        self._last = event
        outcomes = self._outcomes[0] if self._outcomes else None
        if not outcomes:
            return Answered(204, {}, "", 0)
        # It may be asked once more, and have failed in the same way.
        return outcomes.popleft() if len(outcomes) > 1 else outcomes[0]

    def _outcome(self, entry: Entry) -> Answered | Failed | None:
        if not self._outcomes:
            return None
        if entry.kind is Kind.ANSWER:
            data = entry.data
            return Answered(data["status"], _HEADERS, data["body"], data["ms"])
        if entry.kind is Kind.PROBLEM and not self._outcomes[-1]:
            return Failed(entry.data["problem"]["code"], entry.data["problem"]["message"], 0)
        return None


class _Retracing:
    """Holds a recorded call once more, and looks around whenever the caller does something."""

    def __init__(self, recorded: Recorded) -> None:
        bot = _RecordedBot(recorded.entries)
        self.call = PhoneCall(bot, recorded.switches, recorded.party)
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
                _perform(act.move, self.call)
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
        _perform(move, self.call)
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
            more = acts.popleft().move.words
            call.starts_saying(more)
            move = replace(move, words=f"{move.words} {more}".strip())
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
