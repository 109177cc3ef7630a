"""The caller's speech in one turn, word by word, and the words that are recognized."""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

VOICE_DETECTED_MS = 50
"""Delay from the first sound to `user_speech_started`, or to an immediate interruption."""


@dataclass
class RecognitionGap:
    """Interval without speech recognition.

    Attributes:
        from_ms: start.
        to_ms: end; infinite while the end is unknown.
    """

    from_ms: int
    to_ms: float = math.inf


@dataclass(frozen=True)
class Utterance:
    """Speech of the caller without a pause.

    Attributes:
        words: its words; none for a cough.
        started_ms: start time.
        duration_ms: duration.
    """

    words: Sequence[str]
    started_ms: int
    duration_ms: int

    @property
    def ends_ms(self) -> int:
        """End time."""
        return self.started_ms + self.duration_ms

    def heard(self, gaps: Iterable[RecognitionGap]) -> Iterator[tuple[float, float, str]]:
        """Return the recognized words, each with its start time and its duration.

        A word that starts in a gap is lost.
        """
        each = self.duration_ms / max(1, len(self.words))
        for index, word in enumerate(self.words or [""]):
            at_ms = self.started_ms + index * each
            if not any(gap.from_ms <= at_ms < gap.to_ms for gap in gaps):
                yield at_ms, each, word


@dataclass
class Turn:
    """Utterances of the caller until a silence that ends the turn.

    Attributes:
        utterances: utterances in order of their start.
        is_detected: whether speech was detected.
        interrupted: whether the turn interrupted a playback.
    """

    utterances: list[Utterance] = field(default_factory=list[Utterance])
    is_detected: bool = False
    interrupted: bool = False

    @property
    def ends_ms(self) -> int:
        """End time of the last utterance."""
        return max(utterance.ends_ms for utterance in self.utterances)

    def words(self, gaps: Sequence[RecognitionGap]) -> str:
        """Return the recognized words."""
        heard = (word for each in self.utterances for _, _, word in each.heard(gaps))
        return " ".join(word for word in heard if word)

    def detected_ms(self, gaps: Sequence[RecognitionGap]) -> int | None:
        """Return when speech is detected; None for never."""
        times = [self._voice_ms(utterance, gaps) for utterance in self.utterances]
        return min((at_ms for at_ms in times if at_ms is not None), default=None)

    def last_voice_ms(self, gaps: Sequence[RecognitionGap]) -> int | None:
        """Return when the last utterance is detected; None for never."""
        return self._voice_ms(self.utterances[-1], gaps)

    def recognised_ms(self, characters: int, gaps: Sequence[RecognitionGap]) -> int | None:
        """Return when more than this number of characters is recognized; None for never."""
        known = 0
        for utterance in self.utterances:
            for at_ms, each, word in utterance.heard(gaps):
                # The space before a word counts as one of its characters.
                missing = max(1, characters + 1 - known)
                if missing <= len(word):
                    return math.ceil(at_ms + each * missing / len(word))
                known += len(word) + bool(word)
        return None

    @staticmethod
    def _voice_ms(utterance: Utterance, gaps: Sequence[RecognitionGap]) -> int | None:
        first = next(utterance.heard(gaps), None)
        if first is None:
            return None
        return min(math.ceil(first[0]) + VOICE_DETECTED_MS, utterance.ends_ms)
