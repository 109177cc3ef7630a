"""The caller: speaks, interrupts, presses keys, waits, hangs up."""

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
    """A call to one bot, with the actions of the caller; see `ServiceCall`."""

    def begin(self) -> None:
        """Start the call and process the first answer."""
        caller, callee = self.parties.caller or "an anonymous caller", self.parties.callee
        # Explains an agent that does not use the caller's number.
        hidden = "" if self.options.session_members == "all" else "; the bot receives no numbers"
        begins = f"the call begins: {self.parties.direction}, {caller} calls {callee}"
        self.writer.note(f"{begins}{hidden}")
        self.send("session_start")

    def says(self, words: str, *, duration_ms: int | None = None) -> None:
        """Speak after the agent has finished, and wait for the end of the turn.

        Args:
            words: words of the caller; empty for a cough.
            duration_ms: duration, if it does not follow from the words.
        """
        self.settle()
        self.says_now(words, duration_ms=duration_ms)

    def interrupts(self, words: str, *, after_ms: int = 0, duration_ms: int | None = None) -> None:
        """Speak `after_ms` into a playback, and wait for the end of the turn."""
        self.listen_until(after_ms)
        self.says_now(words, duration_ms=duration_ms)

    def presses(self, keys: str, *, after_ms: int | None = None) -> None:
        """Press keys after the agent has finished, or `after_ms` into a playback."""
        if after_ms is None:
            self.settle()
        else:
            self.listen_until(after_ms)
        self.presses_now(keys)

    def waits(self, seconds: float) -> None:
        """Stay silent for a time after the agent has finished."""
        self.settle()
        self.advance(round(seconds * 1000))

    def hangs_up(self) -> None:
        """Hang up immediately."""
        if not self.is_over:
            self.writer.record(EntryKind.SAID, "hangs up", {"hangup": True})
            self.end()

    # Immediate variants: the user decides when they happen.

    def listen_until(self, after_ms: int) -> bool:
        """Listen to the current or next playback; return whether it still plays at that point.

        Args:
            after_ms: milliseconds from its start; a shorter playback is heard to its end.
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
            self.writer.note("nothing is playing to interrupt")
        return is_playing

    def says_now(self, words: str, *, duration_ms: int | None = None) -> None:
        """Speak immediately, and wait for the end of the turn."""
        turn = self.starts_saying(words, duration_ms=duration_ms)
        while turn and self.recognizer.turn is turn and self.step(_FOREVER_MS):
            pass

    def starts_saying(self, words: str, *, duration_ms: int | None = None) -> Turn | None:
        """Start to speak without letting time pass; continue a turn that has not ended.

        Raises:
            ValueError: `duration_ms` is negative.
        """
        if duration_ms is not None and duration_ms < 0:
            raise ValueError("duration_ms must not be negative")
        self.writer.record(EntryKind.SAID, quote(words), {"words": words})
        if not self.has_agent:
            self.writer.note("not heard: the agent is out of the call")
            return None
        return self.recognizer.hear(words, duration_ms)

    def presses_now(self, keys: str) -> None:
        """Press keys immediately, one after another."""
        for index, key in enumerate(keys):
            if index:
                self.advance(KEY_GAP_MS)
                if self.is_over:
                    return
            self._press(key)

    def advance(self, ms: int) -> None:
        """Let virtual time pass."""
        self._go_to(self.clock.now_ms + ms)

    def settle(self) -> None:
        """Continue until agent and caller are silent and no transfer rings."""
        while self._goes_on():
            pass

    def settle_until_actions(self, number: int) -> None:
        """Settle the call, but stop early after this total number of actions."""
        while len(self.actions) < number and self._goes_on():
            pass

    def wait_for_actions(self, number: int, *, within_ms: int) -> None:
        """Continue until this total number of actions, or until the time is over."""
        until_ms = self.clock.now_ms + within_ms
        while len(self.actions) < number and self.step(until_ms):
            pass

    @property
    def problems(self) -> list[Diagnostic]:
        """Problems of the answers so far."""
        return self.transcript.problems

    @property
    def heard(self) -> list[str]:
        """What the caller heard, by playback; only the heard part of an interrupted one."""
        return [entry.data["words"] for entry in self.transcript.of(EntryKind.HEARD)]

    def _goes_on(self) -> bool:
        """Execute the next step of a busy call; return whether there was one."""
        is_busy = self.playback_queue.current or self.recognizer.turn or self.carrier.is_ringing
        return self.step(_FOREVER_MS if is_busy or self.awaits_answer else self.clock.now_ms)

    def _press(self, key: str) -> None:
        if self.options.keys_cancel_input_timeout:
            self.cancel_input_timer()
        self.writer.record(EntryKind.SAID, f"presses {key}", {"key": key})
        if not self.has_agent:
            self.writer.note("not heard: the agent is out of the call")
        self.send("dtmf_received", digit=key)

    def _go_to(self, at_ms: int) -> None:
        # In real time, this timer makes the clock wait until then.
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
