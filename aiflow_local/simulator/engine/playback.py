"""Plays the audio of the agent: one playback at a time, in order."""

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
    """A playback in progress.

    Attributes:
        action: the `speak` or `audio`.
        speech: timed words; None for `audio`.
        started_ms: start time.
        duration_ms: duration without an interruption.
        end: timer of its end.
    """

    action: Speak | Audio
    speech: Speech | None
    started_ms: int
    duration_ms: int
    end: Timer

    def heard(self, now_ms: int) -> str:
        """Return the words that were heard until now; an empty text for `audio`."""
        return self.speech.heard(now_ms - self.started_ms) if self.speech else ""


class PlaybackHost(Protocol):
    """The parts of a call that the playback queue uses."""

    clock: Clock
    options: ServiceOptions

    @property
    def has_agent(self) -> bool:
        """Whether the bot is in the call."""
        ...

    def leave_call(self, action: LeaveAction) -> None:
        """Hang up or transfer, unless the agent has left the call already."""
        ...

    def playback_started(self, playback: Playback) -> None:
        """Handle the start of a playback."""
        ...

    def playback_ended(self, playback: Playback, *, interrupted: bool) -> None:
        """Handle the end of a playback, or its interruption."""
        ...

    def playback_skipped(self, action: Speak | Audio) -> None:
        """Handle a queued playback that was dropped."""
        ...


class PlaybackQueue:
    """Plays `speak` and `audio` one after another, over an optional background sound."""

    def __init__(self, host: PlaybackHost) -> None:
        self.current: Playback | None = None
        self.background: MixAudio | None = None
        self._host = host
        self._waiting: deque[Speak | Audio | LeaveAction] = deque()
        self._is_new_answer = False

    def start_answer(self) -> None:
        """Mark that the next playback belongs to a new answer."""
        self._is_new_answer = True

    def play(self, action: Speak | Audio) -> None:
        """Play an action after the current playback, or instead of it."""
        if self._is_new_answer and self._host.options.second_speak == "replace":
            self.stop()
        self._is_new_answer = False
        if not self._host.has_agent:
            # Stopping the playback executed a queued hangup or transfer.
            self._host.playback_skipped(action)
        elif self.current:
            self._waiting.append(action)
        else:
            self._start(action)

    def leave_call(self, action: LeaveAction) -> None:
        """Hang up or transfer immediately, or after all queued playbacks."""
        if self.current and self._host.options.hangup_waits:
            self._waiting.append(action)
        else:
            self._host.leave_call(action)

    def stop(self) -> None:
        """Interrupt the current playback and drop the queued ones.

        A queued hangup or transfer takes effect now.
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
        """Start, replace or stop the background sound; return what happened."""
        before, self.background = self.background, None if action.stop else action
        if action.stop:
            return "the background sound stops" if before else "the background sound is not playing"
        return f"the background sound {'is replaced' if before else 'begins'}"

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
