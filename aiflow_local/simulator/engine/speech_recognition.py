"""How the service hears the caller: turns, interruptions, and words that nobody hears."""

from typing import Protocol

from aiflow import BargeInConfig, ConfigureTranscription, VadConfig
from aiflow_local.simulator.engine.clock import Clock, Timer
from aiflow_local.simulator.engine.options import Switches
from aiflow_local.simulator.engine.playback import Playback, Voice
from aiflow_local.simulator.engine.speech_timing import talk_ms
from aiflow_local.simulator.engine.utterance import Gap, Turn, Utterance

DEFAULT_MINIMUM_CHARACTERS = 3
_BY_VOICE = BargeInConfig(strategy="immediate")
_BY_WORDS = BargeInConfig()


class Listener(Protocol):
    """What the ears tell the call, and what they must know of it."""

    clock: Clock
    switches: Switches
    voice: Voice
    is_voice_to_voice: bool

    def voice_noticed(self) -> None:
        """The caller has begun to speak; once a turn."""
        ...

    def turn_over(self, words: str, *, interrupted: bool) -> None:
        """The caller has finished a turn, of which so many words were heard."""
        ...


class Ears:
    """Listens to the caller, turn by turn."""

    def __init__(self, listener: Listener) -> None:
        self.turn: Turn | None = None
        self._listener = listener
        self._silence_ms: int | None = None
        self._languages: tuple[str, ...] = ()
        self._provider: str | None = None
        self._gaps: list[Gap] = []
        self._protected: Gap | None = None
        self._plans: list[Timer] = []
        self._end: Timer | None = None

    def hear(self, words: str, duration_ms: int | None = None) -> Turn:
        """Let the caller begin to say something; in a turn that is not over, to go on."""
        listener, clock = self._listener, self._listener.clock
        if duration_ms is None:
            duration_ms = talk_ms(words, listener.switches.words_per_minute)
        self.turn = turn = self.turn or Turn()
        turn.utterances.append(Utterance(words.split(), clock.now_ms, duration_ms))
        if self._end:
            self._end.cancel()
        self._end = clock.after(turn.ends_ms - clock.now_ms, self._fell_silent)
        self._plan()
        return turn

    def forget(self) -> None:
        """Drop the turn: nobody is there to be told."""
        self.turn = None
        self._cancel()

    def playback_started(self, playback: Playback) -> None:
        """Learn what the caller, who may be speaking, would interrupt now."""
        is_protected = self._config(playback).strategy in {"none", "manual"}
        if is_protected and not self._listener.switches.words_during_protected_playback:
            self._protected = Gap(playback.started_ms)
            self._gaps.append(self._protected)
        self._plan()

    def playback_ended(self) -> None:
        """Learn that there is nothing to interrupt any more."""
        if self._protected:
            self._protected.to_ms = self._listener.clock.now_ms
            self._protected = None
        self._plan()

    def tune(self, vad: VadConfig | None) -> None:
        """Take a new silence for the end of a turn; it stays until there is another."""
        if vad:
            self._silence_ms = vad.end_of_turn_silence_ms

    def configure(self, action: ConfigureTranscription) -> int:
        """Change how the caller is understood; return for how long nobody listens meanwhile."""
        self.tune(action.vad)
        switches, gap_ms = self._listener.switches, 0
        languages = None if action.languages is None else tuple(action.languages)
        if action.provider and action.provider != self._provider:
            # A new provider without languages goes back to its default.
            self._provider, self._languages = action.provider, languages or ()
            gap_ms = switches.provider_restart_ms
        elif action.provider or languages is not None:
            gap_ms = switches.language_restart_ms if self._languages != (languages or ()) else 0
            self._languages = languages or ()
        if gap_ms:
            now_ms = self._listener.clock.now_ms
            self._gaps.append(Gap(now_ms, now_ms + gap_ms))
            self._plan()
        return gap_ms

    def _config(self, playback: Playback) -> BargeInConfig:
        """Return what may interrupt; a speech-to-speech model lets itself be interrupted."""
        if self._listener.is_voice_to_voice:
            return _BY_VOICE
        return playback.action.barge_in or _BY_WORDS

    def _plan(self) -> None:
        """Find out anew, from all that is known now, when something will be heard."""
        self._cancel_plans()
        turn, playback = self.turn, self._listener.voice.current
        if turn is None:
            return
        clock = self._listener.clock
        noticed_ms = None if turn.is_noticed else turn.noticed_ms(self._gaps)
        if noticed_ms is not None:
            self._plans.append(clock.after(noticed_ms - clock.now_ms, self._notice))
        at_ms = self._interruption_ms(turn, playback) if playback else None
        if at_ms is not None and at_ms <= turn.ends_ms:
            self._plans.append(clock.after(at_ms - clock.now_ms, self._interrupt))

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
        return max(heard_ms, protected_ms, self._listener.clock.now_ms)

    def _notice(self) -> None:
        if self.turn:
            self.turn.is_noticed = True
            self._listener.voice_noticed()

    def _interrupt(self) -> None:
        if self.turn:
            self.turn.interrupted = True
            self._listener.voice.stop()

    def _fell_silent(self) -> None:
        silence_ms = self._silence_ms or self._listener.switches.end_of_turn_silence_ms
        self._end = self._listener.clock.after(silence_ms, self._turn_over)

    def _turn_over(self) -> None:
        turn = self.turn
        if turn is None:
            return
        words = turn.words(self._gaps)
        # A gap may reach into the next turn.
        now_ms = self._listener.clock.now_ms
        self._gaps = [gap for gap in self._gaps if gap.to_ms > now_ms]
        self.forget()
        self._listener.turn_over(words, interrupted=turn.interrupted)

    def _cancel(self) -> None:
        self._cancel_plans()
        if self._end:
            self._end.cancel()
            self._end = None

    def _cancel_plans(self) -> None:
        for timer in self._plans:
            timer.cancel()
        self._plans.clear()
