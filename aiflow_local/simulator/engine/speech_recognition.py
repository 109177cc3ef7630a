"""Speech recognition: turns of the caller, interruptions, and gaps without recognition."""

from typing import Protocol

from aiflow import BargeInConfig, ConfigureTranscription, VadConfig
from aiflow_local.simulator.engine.clock import Clock, Timer
from aiflow_local.simulator.engine.options import ServiceOptions
from aiflow_local.simulator.engine.playback import Playback, PlaybackQueue
from aiflow_local.simulator.engine.speech_timing import speaking_ms
from aiflow_local.simulator.engine.utterance import RecognitionGap, Turn, Utterance

DEFAULT_MINIMUM_CHARACTERS = 3
_BY_VOICE = BargeInConfig(strategy="immediate")
_BY_WORDS = BargeInConfig()


class RecognitionHost(Protocol):
    """The parts of a call that the speech recognizer uses."""

    clock: Clock
    options: ServiceOptions
    playback_queue: PlaybackQueue
    is_voice_to_voice: bool

    def speech_detected(self) -> None:
        """Handle the start of speech; once per turn."""
        ...

    def turn_ended(self, words: str, *, interrupted: bool) -> None:
        """Handle the end of a turn, with the recognized words."""
        ...


class SpeechRecognizer:
    """Recognizes the caller's speech, turn by turn."""

    def __init__(self, host: RecognitionHost) -> None:
        self.turn: Turn | None = None
        self._host = host
        self._silence_ms: int | None = None
        self._languages: tuple[str, ...] = ()
        self._provider: str | None = None
        self._gaps: list[RecognitionGap] = []
        self._protected: RecognitionGap | None = None
        self._timers: list[Timer] = []
        self._end: Timer | None = None

    def hear(self, words: str, duration_ms: int | None = None) -> Turn:
        """Start an utterance of the caller; continue a turn that has not ended."""
        host, clock = self._host, self._host.clock
        if duration_ms is None:
            duration_ms = speaking_ms(words, host.options.words_per_minute)
        self.turn = turn = self.turn or Turn()
        turn.utterances.append(Utterance(words.split(), clock.now_ms, duration_ms))
        if self._end:
            self._end.cancel()
        self._end = clock.after(turn.ends_ms - clock.now_ms, self._start_silence)
        self._schedule()
        return turn

    def forget(self) -> None:
        """Discard the current turn."""
        self.turn = None
        self._cancel()

    def playback_started(self, playback: Playback) -> None:
        """Plan the interruption of a playback by the current turn."""
        is_protected = self._config(playback).strategy in {"none", "manual"}
        if is_protected and not self._host.options.words_during_protected_playback:
            self._protected = RecognitionGap(playback.started_ms)
            self._gaps.append(self._protected)
        self._schedule()

    def playback_ended(self) -> None:
        """Cancel the planned interruption."""
        if self._protected:
            self._protected.to_ms = self._host.clock.now_ms
            self._protected = None
        self._schedule()

    def set_end_of_turn_silence(self, vad: VadConfig | None) -> None:
        """Set the silence that ends a turn, if there is one in `vad`."""
        if vad:
            self._silence_ms = vad.end_of_turn_silence_ms

    def configure(self, action: ConfigureTranscription) -> int:
        """Apply a configuration; return the milliseconds without recognition."""
        self.set_end_of_turn_silence(action.vad)
        options, gap_ms = self._host.options, 0
        languages = None if action.languages is None else tuple(action.languages)
        if action.provider and action.provider != self._provider:
            # A new provider without languages uses its default language.
            self._provider, self._languages = action.provider, languages or ()
            gap_ms = options.provider_restart_ms
        elif action.provider or languages is not None:
            gap_ms = options.language_restart_ms if self._languages != (languages or ()) else 0
            self._languages = languages or ()
        if gap_ms:
            now_ms = self._host.clock.now_ms
            self._gaps.append(RecognitionGap(now_ms, now_ms + gap_ms))
            self._schedule()
        return gap_ms

    def _config(self, playback: Playback) -> BargeInConfig:
        """Return the barge-in rules of a playback; in voice-to-voice any speech interrupts."""
        if self._host.is_voice_to_voice:
            return _BY_VOICE
        return playback.action.barge_in or _BY_WORDS

    def _schedule(self) -> None:
        """Recalculate when speech is detected and when it interrupts the playback."""
        self._cancel_timers()
        turn, playback = self.turn, self._host.playback_queue.current
        if turn is None:
            return
        clock = self._host.clock
        detected_ms = None if turn.is_detected else turn.detected_ms(self._gaps)
        if detected_ms is not None:
            self._timers.append(clock.after(detected_ms - clock.now_ms, self._detect_speech))
        at_ms = self._interruption_ms(turn, playback) if playback else None
        if at_ms is not None and at_ms <= turn.ends_ms:
            self._timers.append(clock.after(at_ms - clock.now_ms, self._interrupt))

    def _interruption_ms(self, turn: Turn, playback: Playback) -> int | None:
        config = self._config(playback)
        match config.strategy:
            case "none" | "manual":
                return None
            case "immediate":
                heard_ms = turn.last_voice_ms(self._gaps)
            case "minimum_characters" | None:
                needed = config.minimum_characters or DEFAULT_MINIMUM_CHARACTERS
                heard_ms = turn.recognised_ms(needed, self._gaps)
        if heard_ms is None:
            return None
        protected_ms = playback.started_ms + (config.allow_after_ms or 0)
        return max(heard_ms, protected_ms, self._host.clock.now_ms)

    def _detect_speech(self) -> None:
        if self.turn:
            self.turn.is_detected = True
            self._host.speech_detected()

    def _interrupt(self) -> None:
        if self.turn:
            self.turn.interrupted = True
            self._host.playback_queue.stop()

    def _start_silence(self) -> None:
        silence_ms = self._silence_ms or self._host.options.end_of_turn_silence_ms
        self._end = self._host.clock.after(silence_ms, self._end_turn)

    def _end_turn(self) -> None:
        turn = self.turn
        if turn is None:
            return
        words = turn.words(self._gaps)
        # Keep gaps that extend into the next turn.
        now_ms = self._host.clock.now_ms
        self._gaps = [gap for gap in self._gaps if gap.to_ms > now_ms]
        self.forget()
        self._host.turn_ended(words, interrupted=turn.interrupted)

    def _cancel(self) -> None:
        self._cancel_timers()
        if self._end:
            self._end.cancel()
            self._end = None

    def _cancel_timers(self) -> None:
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()
