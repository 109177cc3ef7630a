"""What the caller hears: one playback at a time, and behind it what waits for its turn."""

from collections import deque
from dataclasses import dataclass
from typing import Protocol

from aiflow import Audio, Hangup, MixAudio, Speak, Transfer
from aiflow_local.simulator.engine.clock import Clock, Timer
from aiflow_local.simulator.engine.options import Switches
from aiflow_local.simulator.engine.speech_timing import Speech, sound_ms, speech_of

type Leaving = Hangup | Transfer


@dataclass(frozen=True)
class Playback:
    """Something that is being played.

    Attributes:
        action: the `speak` or `audio`.
        speech: its words in time; None for a sound.
        started_ms: when it began.
        duration_ms: how long it lasts, if nobody interrupts.
        end: the timer of its end.
    """

    action: Speak | Audio
    speech: Speech | None
    started_ms: int
    duration_ms: int
    end: Timer

    def heard(self, now_ms: int) -> str:
        """Return the words that were heard up to now; a sound has none."""
        return self.speech.heard(now_ms - self.started_ms) if self.speech else ""


class Stage(Protocol):
    """What the voice tells the call, and asks of it."""

    clock: Clock
    switches: Switches

    @property
    def has_agent(self) -> bool:
        """Whether the bot is in the call."""
        ...

    def leave(self, action: Leaving) -> None:
        """Hang up or transfer, if that has not been done yet."""
        ...

    def playback_started(self, playback: Playback) -> None:
        """A playback has begun."""
        ...

    def playback_ended(self, playback: Playback, *, interrupted: bool) -> None:
        """A playback is over, by itself or cut short."""
        ...

    def forgotten(self, action: Speak | Audio) -> None:
        """Something that waited for its turn is never played."""
        ...


class Voice:
    """Plays what it is given, one after another, and a sound in the background of all."""

    def __init__(self, stage: Stage) -> None:
        self.current: Playback | None = None
        self.background: MixAudio | None = None
        self._stage = stage
        self._waiting: deque[Speak | Audio | Leaving] = deque()
        self._is_new_answer = False

    def next_answer(self) -> None:
        """Learn that what comes now is of a later answer than what is playing."""
        self._is_new_answer = True

    def play(self, action: Speak | Audio) -> None:
        """Play something, when what is playing is over, or in place of it."""
        if self._is_new_answer and self._stage.switches.second_speak == "replace":
            self.stop()
        self._is_new_answer = False
        if not self._stage.has_agent:
            # What was stopped had a hangup or a transfer behind it.
            self._stage.forgotten(action)
        elif self.current:
            self._waiting.append(action)
        else:
            self._start(action)

    def leave(self, action: Leaving) -> None:
        """Hang up or transfer: at once, or when all is over that is played or waits to be."""
        if self.current and self._stage.switches.hangup_waits:
            self._waiting.append(action)
        else:
            self._stage.leave(action)

    def stop(self) -> None:
        """Cut short what is played, and forget what was to be played after it.

        A hangup or transfer that waited for the end of it has come to its turn.
        """
        playback, self.current = self.current, None
        waiting, self._waiting = self._waiting, deque()
        if playback:
            playback.end.cancel()
            self._stage.playback_ended(playback, interrupted=True)
        for action in waiting:
            if isinstance(action, Speak | Audio):
                self._stage.forgotten(action)
        for action in waiting:
            if not isinstance(action, Speak | Audio):
                self._stage.leave(action)

    def mix(self, action: MixAudio) -> str:
        """Begin, replace or stop the sound in the background; return which of it that was."""
        before, self.background = self.background, None if action.stop else action
        if action.stop:
            return "stops" if before else "is none that could stop"
        return "is replaced" if before else "begins"

    def _start(self, action: Speak | Audio) -> None:
        stage, speech = self._stage, None
        if isinstance(action, Speak):
            speech = speech_of(action, stage.switches.words_per_minute)
            duration_ms = speech.duration_ms
        else:
            duration_ms = sound_ms(action.audio)
        end = stage.clock.after(duration_ms, self._end)
        self.current = Playback(action, speech, stage.clock.now_ms, duration_ms, end)
        stage.playback_started(self.current)

    def _end(self) -> None:
        playback, self.current = self.current, None
        if playback:
            self._stage.playback_ended(playback, interrupted=False)
        while self._waiting and not self.current:
            action = self._waiting.popleft()
            if isinstance(action, Speak | Audio):
                self._start(action)
            else:
                self._stage.leave(action)
