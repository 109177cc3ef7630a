"""The caller: speaks, interrupts, presses keys, is silent, hangs up."""

from aiflow.protocol.lint import Problem
from local.phone.call import MAX_CALL_MS, ServiceCall
from local.phone.ears import VOICE_DETECTED_MS
from local.phone.transcript import Kind

KEY_GAP_MS = 200


class PhoneCall(ServiceCall):
    """One call to one bot, with the hands and the mouth of the caller; see `ServiceCall`."""

    def begin(self) -> None:
        """Call, and listen to the first answer begin."""
        self.note("the call begins")
        self.send("session_start")

    def says(self, words: str, *, duration_ms: int | None = None) -> None:
        """Wait until the agent is done, say something, and wait until it was understood."""
        self.settle()
        self._speak(words, duration_ms)

    def interrupts(self, words: str, *, after_ms: int = 0, duration_ms: int | None = None) -> None:
        """Say something so many milliseconds into what is being played, and until understood."""
        self._go_into_playback(after_ms)
        self._speak(words, duration_ms)

    def presses(self, keys: str, *, after_ms: int | None = None) -> None:
        """Press keys when the agent is done, or so many milliseconds into what is being played."""
        if after_ms is None:
            self.settle()
        else:
            self._go_into_playback(after_ms)
        for key in keys:
            if not self.is_over:
                self._press(key)
                self._go_to(self.clock.now_ms + KEY_GAP_MS)

    def waits(self, seconds: float) -> None:
        """Wait until the agent is done, and then be silent for so long."""
        self.settle()
        self._go_to(self.clock.now_ms + round(seconds * 1000))

    def hangs_up(self) -> None:
        """Hang up, at once."""
        if not self.is_over:
            self.note("the caller hangs up")
            self.end()

    def settle(self) -> None:
        """Let the call go on until nobody is speaking."""
        while self.step(self.clock.now_ms) or (self._is_talking and self.step(MAX_CALL_MS)):
            pass

    def wait_for_actions(self, number: int, *, within_ms: int) -> None:
        """Let the call go on until the bot has given so many actions in all, or for so long."""
        until_ms = self.clock.now_ms + within_ms
        while len(self.actions) < number and self.step(until_ms):
            pass

    @property
    def problems(self) -> list[Problem]:
        """What the bot did wrong so far."""
        return self.transcript.problems

    @property
    def heard(self) -> list[str]:
        """What the caller heard, playback by playback; of an interrupted one only the part."""
        return [entry.data["words"] for entry in self.transcript.of(Kind.HEARD)]

    @property
    def _is_talking(self) -> bool:
        return self.voice.is_busy or self.ears.utterance is not None

    def _speak(self, words: str, duration_ms: int | None) -> None:
        if self.is_over:
            return
        self.cancel_input_timer()
        self.take_down(Kind.SAID, words, {"words": words})
        utterance = self.ears.hear(words, duration_ms)
        if self.door.reports_speech_started:
            self.clock.after(VOICE_DETECTED_MS, lambda: self.send("user_speech_started"))
        while self.ears.utterance is utterance and self.step(MAX_CALL_MS):
            pass

    def _press(self, key: str) -> None:
        if self.switches.keys_cancel_input_timeout:
            self.cancel_input_timer()
        self.take_down(Kind.SAID, f"[{key}]", {"key": key})
        self.send("dtmf_received", digit=key)

    def _go_into_playback(self, after_ms: int) -> None:
        """Go to a point in what is being played; when nothing is, to the next that will be."""
        while not self.voice.is_busy and self.step(MAX_CALL_MS):
            pass
        if self.voice.current:
            self._go_to(self.voice.current.started_ms + after_ms)

    def _go_to(self, at_ms: int) -> None:
        while self.step(at_ms):
            pass
        if not self.is_over:
            self.clock.run_until(at_ms)
