"""What the caller hears: one playback at a time, and behind it what waits for its turn."""

from collections import deque
from dataclasses import dataclass
from typing import Protocol

from aiflow import Action, Audio, Hangup, Speak, Transfer
from local.phone.clock import Clock, Timer
from local.phone.speech import heard_part, playback_ms, words_of
from local.phone.switches import Switches

type Batch = deque[Action]
"""The actions of one answer that have not been obeyed yet, in their order."""


@dataclass(frozen=True)
class Playback:
    """Something that is being played.

    Attributes:
        action: the `speak` or `audio`.
        started_ms: when it began.
        duration_ms: how long it lasts, if nobody interrupts.
        end: the timer of its end.
    """

    action: Speak | Audio
    started_ms: int
    duration_ms: int
    end: Timer

    def heard(self, now_ms: int) -> str:
        """Return the words that were heard up to now; a sound has none."""
        if isinstance(self.action, Audio):
            return ""
        part = (now_ms - self.started_ms) / self.duration_ms if self.duration_ms else 1.0
        return heard_part(words_of(self.action), part)


class Stage(Protocol):
    """What the voice tells the call, and asks of it."""

    def perform(self, action: Action) -> None:
        """Obey an action that is not played."""
        ...

    def playback_started(self, playback: Playback) -> None:
        """A playback has begun."""
        ...

    def playback_ended(self, playback: Playback, *, interrupted: bool) -> None:
        """A playback is over, by itself or cut short."""
        ...


class Voice:
    """Plays what it is given; obeys the rest of an answer in its order."""

    def __init__(self, clock: Clock, switches: Switches, stage: Stage) -> None:
        self.current: Playback | None = None
        self._clock = clock
        self._switches = switches
        self._stage = stage
        self._owner: Batch | None = None
        self._waiting: deque[Batch] = deque()

    @property
    def is_busy(self) -> bool:
        """Whether something is being played, or waits for it."""
        return self.current is not None

    def obey(self, actions: list[Action]) -> None:
        """Obey an answer: its entries run one after another."""
        self._go_on(deque(actions))

    def stop(self) -> None:
        """Cut short what is played, and forget what waits behind it."""
        self._waiting.clear()
        playback, self.current = self.current, None
        if playback:
            playback.end.cancel()
            self._stage.playback_ended(playback, interrupted=True)

    def _go_on(self, batch: Batch) -> None:
        while batch:
            if self.current and self._must_wait(batch):
                # Entries of one answer stay together; later answers queue behind.
                put = self._waiting.appendleft if self._owner is batch else self._waiting.append
                put(batch)
                return
            action = batch.popleft()
            if isinstance(action, Speak | Audio):
                if self.current:
                    self.stop()
                self._start(action, batch)
            else:
                self._stage.perform(action)

    def _must_wait(self, batch: Batch) -> bool:
        match batch[0]:
            case Speak() | Audio():
                return self._owner is batch or self._switches.second_speak == "queue"
            case Hangup() | Transfer():
                return self._switches.hangup_waits
            case _:
                return False

    def _start(self, action: Speak | Audio, batch: Batch) -> None:
        duration_ms = playback_ms(action, self._switches.words_per_minute)
        end = self._clock.after(duration_ms, self._end)
        self.current = Playback(action, self._clock.now_ms, duration_ms, end)
        self._owner = batch
        self._stage.playback_started(self.current)

    def _end(self) -> None:
        playback, self.current = self.current, None
        if playback:
            self._stage.playback_ended(playback, interrupted=False)
        while self._waiting and not self.current:
            self._go_on(self._waiting.popleft())
