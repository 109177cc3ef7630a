"""What the caller hears: one playback at a time, and behind it what waits for its turn."""

from collections import deque
from dataclasses import dataclass
from typing import Protocol

from aiflow import Audio, Hangup, MixAudio, Speak, Transfer
from aiflow_local.simulator.engine.clock import Clock, Timer
from aiflow_local.simulator.engine.options import ServiceOptions
from aiflow_local.simulator.engine.speech_timing import Speech, audio_ms, time_speech

type LeaveAction = Hangup | Transfer


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


class PlaybackHost(Protocol):
    """What the voice tells the call, and asks of it."""

    clock: Clock
    options: ServiceOptions

    @property
    def has_agent(self) -> bool:
        """Whether the bot is in the call."""
        ...

    def leave_call(self, action: LeaveAction) -> None:
        """Hang up or transfer, if that has not been done yet."""
        ...

    def playback_started(self, playback: Playback) -> None:
        """A playback has begun."""
        ...

    def playback_ended(self, playback: Playback, *, interrupted: bool) -> None:
        """A playback is over, by itself or cut short."""
        ...

    def playback_skipped(self, action: Speak | Audio) -> None:
        """Something that waited for its turn is never played."""
        ...


class PlaybackQueue:
    """Plays what it is given, one after another, and a sound in the background of all."""

    def __init__(self, host: PlaybackHost) -> None:
        self.current: Playback | None = None
        self.background: MixAudio | None = None
        self._host = host
        self._waiting: deque[Speak | Audio | LeaveAction] = deque()
        self._is_new_answer = False

    def start_answer(self) -> None:
        """Learn that what comes now is of a later answer than what is playing."""
        self._is_new_answer = True

    def play(self, action: Speak | Audio) -> None:
        """Play something, when what is playing is over, or in place of it."""
        if self._is_new_answer and self._host.options.second_speak == "replace":
            self.stop()
        self._is_new_answer = False
        if not self._host.has_agent:
            # What was stopped had a hangup or a transfer behind it.
            self._host.playback_skipped(action)
        elif self.current:
            self._waiting.append(action)
        else:
            self._start(action)

    def leave_call(self, action: LeaveAction) -> None:
        """Hang up or transfer: at once, or when all is over that is played or waits to be."""
        if self.current and self._host.options.hangup_waits:
            self._waiting.append(action)
        else:
            self._host.leave_call(action)

    def stop(self) -> None:
        """Cut short what is played, and forget what was to be played after it.

        A hangup or transfer that waited for the end of it has come to its turn.
        """
        playback, self.current = self.current, None
        waiting, self._waiting = self._waiting, deque()
        if playback:
            playback.end.cancel()
            self._host.playback_ended(playback, interrupted=True)
        for action in waiting:
            if isinstance(action, Speak | Audio):
                self._host.playback_skipped(action)
        for action in waiting:
            if not isinstance(action, Speak | Audio):
                self._host.leave_call(action)

    def set_background(self, action: MixAudio) -> str:
        """Begin, replace or stop the sound in the background; return which of it that was."""
        before, self.background = self.background, None if action.stop else action
        if action.stop:
            return "stops" if before else "is none that could stop"
        return "is replaced" if before else "begins"

    def _start(self, action: Speak | Audio) -> None:
        host, speech = self._host, None
        if isinstance(action, Speak):
            speech = time_speech(action, host.options.words_per_minute)
            duration_ms = speech.duration_ms
        else:
            duration_ms = audio_ms(action.audio)
        end = host.clock.after(duration_ms, self._end)
        self.current = Playback(action, speech, host.clock.now_ms, duration_ms, end)
        host.playback_started(self.current)

    def _end(self) -> None:
        playback, self.current = self.current, None
        if playback:
            self._host.playback_ended(playback, interrupted=False)
        while self._waiting and not self.current:
            action = self._waiting.popleft()
            if isinstance(action, Speak | Audio):
                self._start(action)
            else:
                self._host.leave_call(action)
