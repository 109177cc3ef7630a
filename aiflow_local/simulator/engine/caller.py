"""The caller: speaks, interrupts, presses keys, is silent, hangs up."""

from collections.abc import Generator
from contextlib import contextmanager

from aiflow.protocol.lint import Diagnostic
from aiflow_local.simulator.engine.call import ServiceCall
from aiflow_local.simulator.engine.formatting import quote
from aiflow_local.simulator.engine.transcript import EntryKind
from aiflow_local.simulator.engine.utterance import Turn

KEY_GAP_MS = 200
_FOREVER_MS = 2**53


class PhoneCall(ServiceCall):
    """One call to one bot, with the hands and the mouth of the caller; see `ServiceCall`."""

    def begin(self) -> None:
        """Call, and listen to the first answer begin."""
        caller, callee = self.parties.caller or "an anonymous caller", self.parties.callee
        # Whoever wonders why nothing is done with the number finds the reason here.
        hidden = "" if self.options.session_members == "all" else "; the bot is told neither number"
        begins = f"the call begins: {self.parties.direction}, {caller} calls {callee}"
        self.writer.note(f"{begins}{hidden}")
        self.send("session_start")

    def says(self, words: str, *, duration_ms: int | None = None) -> None:
        """Wait until the agent is done, say something, and wait until it was understood.

        Args:
            words: what is said; nothing for a cough.
            duration_ms: how long it takes, if not as long as its words.
        """
        self.settle()
        self.says_now(words, duration_ms=duration_ms)

    def interrupts(self, words: str, *, after_ms: int = 0, duration_ms: int | None = None) -> None:
        """Say something so many milliseconds into what is being played, and until understood."""
        self.listen_until(after_ms)
        self.says_now(words, duration_ms=duration_ms)

    def presses(self, keys: str, *, after_ms: int | None = None) -> None:
        """Press keys when the agent is done, or so many milliseconds into what is being played."""
        if after_ms is None:
            self.settle()
        else:
            self.listen_until(after_ms)
        self.presses_now(keys)

    def waits(self, seconds: float) -> None:
        """Wait until the agent is done, and then be silent for so long."""
        self.settle()
        self.advance(round(seconds * 1000))

    def hangs_up(self) -> None:
        """Hang up, at once."""
        if not self.is_over:
            self.writer.record(EntryKind.SAID, "hangs up", {"hangup": True})
            self.end()

    # The same without manners: for whoever decides by himself when the moment has come.

    def listen_until(self, after_ms: int) -> bool:
        """Go so far into what is being played, or is going to be; tell if it is playing then.

        What ends before is listened to to its end.
        """
        while not self.playback_queue.current and self._goes_on():
            pass
        playback = self.playback_queue.current
        if playback:
            self._go_to(
                min(playback.started_ms + after_ms, playback.started_ms + playback.duration_ms)
            )
        is_playing = playback is not None and self.playback_queue.current is playback
        if not is_playing and not self.is_over:
            self.writer.note("nothing is playing that could be interrupted")
        return is_playing

    def says_now(self, words: str, *, duration_ms: int | None = None) -> None:
        """Say something at once, and wait until it was understood."""
        turn = self.starts_saying(words, duration_ms=duration_ms)
        while turn and self.recognizer.turn is turn and self.step(_FOREVER_MS):
            pass

    def starts_saying(self, words: str, *, duration_ms: int | None = None) -> Turn | None:
        """Begin to say something; in a turn that is not over, to go on. No time passes.

        Raises:
            ValueError: `duration_ms` is negative.
        """
        if duration_ms is not None and duration_ms < 0:
            raise ValueError("duration_ms must not be negative")
        self.writer.record(EntryKind.SAID, quote(words), {"words": words})
        if not self.has_agent:
            self.writer.note("nobody listens")
            return None
        return self.recognizer.hear(words, duration_ms)

    def presses_now(self, keys: str) -> None:
        """Press keys at once, one after another."""
        for index, key in enumerate(keys):
            if index:
                self.advance(KEY_GAP_MS)
                if self.is_over:
                    return
            self._press(key)

    def advance(self, ms: int) -> None:
        """Let so much time pass."""
        self._go_to(self.clock.now_ms + ms)

    def settle(self) -> None:
        """Let the call go on until nobody is speaking, and nobody is rung."""
        while self._goes_on():
            pass

    def settle_until_actions(self, number: int) -> None:
        """Let the call settle, but no longer than until there are so many actions in all."""
        while len(self.actions) < number and self._goes_on():
            pass

    def wait_for_actions(self, number: int, *, within_ms: int) -> None:
        """Let the call go on until the bot has given so many actions in all, or for so long."""
        until_ms = self.clock.now_ms + within_ms
        while len(self.actions) < number and self.step(until_ms):
            pass

    @property
    def problems(self) -> list[Diagnostic]:
        """What the bot did wrong so far."""
        return self.transcript.problems

    @property
    def heard(self) -> list[str]:
        """What the caller heard, playback by playback; of an interrupted one only the part."""
        return [entry.data["words"] for entry in self.transcript.of(EntryKind.HEARD)]

    def _goes_on(self) -> bool:
        """Let the next thing happen, if it happens now or somebody is speaking; tell if it did."""
        is_busy = self.playback_queue.current or self.recognizer.turn or self.carrier.is_ringing
        return self.step(_FOREVER_MS if is_busy or self.awaits_answer else self.clock.now_ms)

    def _press(self, key: str) -> None:
        if self.options.keys_cancel_input_timeout:
            self.cancel_input_timer()
        self.writer.record(EntryKind.SAID, f"presses {key}", {"key": key})
        if not self.has_agent:
            self.writer.note("nobody listens")
        self.send("dtmf_received", digit=key)

    def _go_to(self, at_ms: int) -> None:
        # A thing that is due then, even if nothing else is: whoever waits may be woken up.
        self.clock.after(at_ms - self.clock.now_ms, _nothing)
        while self.step(at_ms):
            pass


def _nothing() -> None:
    pass


@contextmanager
def hang_up_on_error(call: PhoneCall) -> Generator[None]:
    """End the call if the block fails, so that the bot receives `session_end`."""
    try:
        yield
    except BaseException:
        # After Ctrl-C, a closed pipe or a full disk, the listener cannot show the rest.
        call.transcript.listener = None
        call.hangs_up()
        raise
