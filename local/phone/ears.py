"""How the service hears the caller: turns, interruptions, and words that fall into a gap."""

from collections.abc import Callable
from dataclasses import dataclass

from aiflow import ConfigureTranscription, VadConfig
from aiflow.protocol.actions import BargeInConfig
from local.phone.clock import Clock
from local.phone.speech import talk_ms
from local.phone.switches import Switches
from local.phone.voice import Playback, Voice

DEFAULT_MINIMUM_CHARACTERS = 3
VOICE_DETECTED_MS = 50
"""From the first sound to `user_speech_started`, and to an interruption by voice alone."""


@dataclass
class Utterance:
    """Something that the caller says.

    Attributes:
        words: all of it.
        started_ms: when the caller began.
        duration_ms: how long it takes.
        interrupted: whether it cut a playback short.
        protected: whether it fell into a playback that no voice may interrupt.
    """

    words: str
    started_ms: int
    duration_ms: int
    interrupted: bool = False
    protected: bool = False

    def spoken_ms(self, characters: int) -> int | None:
        """Return when more than so many characters have been recognised; None for never."""
        if len(self.words) <= characters:
            return None
        return self.started_ms + self.duration_ms * (characters + 1) // len(self.words)

    def without(self, gap: tuple[int, int]) -> str:
        """Return the words that do not begin in a gap of time."""
        words = self.words.split()
        each = self.duration_ms / len(words) if words else 0
        return " ".join(
            word
            for index, word in enumerate(words)
            if not gap[0] <= self.started_ms + index * each < gap[1]
        )


class Ears:
    """Listens to the caller, one utterance at a time."""

    def __init__(
        self,
        clock: Clock,
        switches: Switches,
        voice: Voice,
        report: Callable[[Utterance, str], None],
    ) -> None:
        self.utterance: Utterance | None = None
        self._clock = clock
        self._switches = switches
        self._voice = voice
        self._report = report
        self._silence_ms = switches.end_of_turn_silence_ms
        self._languages: tuple[str, ...] | None = None
        self._provider: str | None = None
        self._gap = (0, 0)

    def hear(self, words: str, duration_ms: int | None = None) -> Utterance:
        """Let the caller begin to say something."""
        if duration_ms is None:
            duration_ms = talk_ms(words, self._switches.words_per_minute)
        self.utterance = Utterance(words, self._clock.now_ms, duration_ms)
        self._clock.after(duration_ms, self._pause)
        self.consider(self._voice.current)
        return self.utterance

    def consider(self, playback: Playback | None) -> None:
        """See whether the caller, who is speaking, interrupts what is being played."""
        utterance = self.utterance
        if utterance is None or playback is None:
            return
        config = playback.action.barge_in or BargeInConfig()
        at_ms = self._interruption_ms(utterance, config)
        if config.strategy in {"none", "manual"}:
            utterance.protected = True
        if at_ms is None:
            return
        at_ms = max(at_ms, playback.started_ms + (config.allow_after_ms or 0))
        if at_ms <= utterance.started_ms + utterance.duration_ms:
            self._clock.after(
                at_ms - self._clock.now_ms, lambda: self._interrupt(utterance, playback)
            )

    def tune(self, vad: VadConfig | None) -> None:
        """Take a new silence for the end of a turn; it stays until there is another."""
        if vad:
            self._silence_ms = vad.end_of_turn_silence_ms

    def configure(self, action: ConfigureTranscription) -> None:
        """Change languages or provider: recognition starts again, and hears nothing meanwhile."""
        self.tune(action.vad)
        gap_ms = 0
        if action.provider and action.provider != self._provider:
            # A new provider without languages goes back to its default.
            self._provider, self._languages = action.provider, action.languages
            gap_ms = self._switches.provider_restart_ms
        elif action.languages and action.languages != self._languages:
            self._languages = action.languages
            gap_ms = self._switches.language_restart_ms
        if gap_ms:
            self._gap = (self._clock.now_ms, self._clock.now_ms + gap_ms)

    @staticmethod
    def _interruption_ms(utterance: Utterance, config: BargeInConfig) -> int | None:
        match config.strategy:
            case "none" | "manual":
                return None
            case "immediate":
                return utterance.started_ms + VOICE_DETECTED_MS
            case _:
                return utterance.spoken_ms(config.minimum_characters or DEFAULT_MINIMUM_CHARACTERS)

    def _interrupt(self, utterance: Utterance, playback: Playback) -> None:
        if self._voice.current is playback:
            utterance.interrupted = True
            self._voice.stop()

    def _pause(self) -> None:
        self._clock.after(self._silence_ms, self._turn_over)

    def _turn_over(self) -> None:
        utterance, self.utterance = self.utterance, None
        if utterance is None:
            return
        words = utterance.without(self._gap)
        unheard = (
            utterance.protected
            and not utterance.interrupted
            and not self._switches.words_during_protected_playback
        )
        self._report(utterance, "" if unheard else words)
