"""What the caller says in one turn, word by word, and which of it is heard."""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

VOICE_DETECTED_MS = 50
"""From the first sound to `user_speech_started`, and to an interruption by voice alone."""


@dataclass
class RecognitionGap:
    """A time in which nobody listens to the caller.

    Attributes:
        from_ms: its begin.
        to_ms: its end; infinite as long as nobody knows.
    """

    from_ms: int
    to_ms: float = math.inf


@dataclass(frozen=True)
class Utterance:
    """Something that the caller says without a pause.

    Attributes:
        words: all of it; none for a cough.
        started_ms: when the caller began.
        duration_ms: how long it takes.
    """

    words: Sequence[str]
    started_ms: int
    duration_ms: int

    @property
    def ends_ms(self) -> int:
        """When the caller has said it."""
        return self.started_ms + self.duration_ms

    def heard(self, gaps: Iterable[RecognitionGap]) -> Iterator[tuple[float, float, str]]:
        """Return the words that are heard: when each begins, how long it takes, and the word.

        A word that begins in a gap is lost.
        """
        each = self.duration_ms / max(1, len(self.words))
        for index, word in enumerate(self.words or [""]):
            at_ms = self.started_ms + index * each
            if not any(gap.from_ms <= at_ms < gap.to_ms for gap in gaps):
                yield at_ms, each, word


@dataclass
class Turn:
    """What the caller says until a silence that is long enough.

    Attributes:
        utterances: in the order of their begin.
        is_noticed: whether the service has heard a voice.
        interrupted: whether it cut a playback short.
    """

    utterances: list[Utterance] = field(default_factory=list[Utterance])
    is_detected: bool = False
    interrupted: bool = False

    @property
    def ends_ms(self) -> int:
        """When the caller has said all of it."""
        return max(utterance.ends_ms for utterance in self.utterances)

    def words(self, gaps: Sequence[RecognitionGap]) -> str:
        """Return the words that are heard."""
        heard = (word for each in self.utterances for _, _, word in each.heard(gaps))
        return " ".join(word for word in heard if word)

    def detected_ms(self, gaps: Sequence[RecognitionGap]) -> int | None:
        """Return when the service hears a voice; None for never."""
        times = [self._voice_ms(utterance, gaps) for utterance in self.utterances]
        return min((at_ms for at_ms in times if at_ms is not None), default=None)

    def last_voice_ms(self, gaps: Sequence[RecognitionGap]) -> int | None:
        """Return when the service hears the voice once more after the last pause."""
        return self._voice_ms(self.utterances[-1], gaps)

    def recognised_ms(self, characters: int, gaps: Sequence[RecognitionGap]) -> int | None:
        """Return when more than so many characters have been recognised; None for never."""
        known = 0
        for utterance in self.utterances:
            for at_ms, each, word in utterance.heard(gaps):
                # The space between two words is a character, too, but heard with the second one.
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
