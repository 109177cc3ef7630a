"""When the caller acts: after the agent has finished, or immediately."""

from functools import partial
from typing import Protocol

from aiflow_local.simulator.engine.caller import KEY_GAP_MS, PhoneCall
from aiflow_local.simulator.engine.formatting import quote


class CallerPacing(Protocol):
    """Actions of a caller, with their timing."""

    def say(self, words: str) -> None:
        """Speak."""
        ...

    def interrupt(self, words: str, after_ms: int | None) -> None:
        """Speak during a playback."""
        ...

    def press(self, keys: str) -> None:
        """Press keys."""
        ...

    def wait(self, seconds: float) -> None:
        """Stay silent."""
        ...

    def listen(self) -> None:
        """Wait until the agent has finished."""
        ...


class VirtualTimePacing:
    """Virtual time: the agent finishes before the caller acts.

    No time passes between two lines, so that the user can still interrupt the agent.

    Args:
        call: the call.
    """

    def __init__(self, call: PhoneCall) -> None:
        self._call = call

    def say(self, words: str) -> None:
        """Speak after the agent has finished."""
        if self._is_heard(f"said: {quote(words)}"):
            self._call.says_now(words)

    def interrupt(self, words: str, after_ms: int | None) -> None:
        """Speak in the middle of a playback, or `after_ms` into it."""
        call = self._call
        is_playing = call.listen_until(0)
        playback = call.playback_queue.current
        if is_playing and playback:
            call.listen_until(playback.duration_ms // 2 if after_ms is None else after_ms)
        call.says_now(words)

    def press(self, keys: str) -> None:
        """Press keys after the agent has finished."""
        if self._is_heard(f"pressed: {keys}"):
            self._call.presses_now(keys)

    def wait(self, seconds: float) -> None:
        """Stay silent after the agent has finished."""
        self._call.waits(seconds)

    def listen(self) -> None:
        """Wait until the agent has finished."""
        self._call.settle()

    def _is_heard(self, what: str) -> bool:
        """Wait until the agent has finished; return whether the call goes on."""
        self._call.settle()
        if self._call.is_over:
            self._call.writer.note(f"the call is over: not {what}")
        return not self._call.is_over


class RealTimePacing:
    """Real time: the caller acts immediately; delays are timers of the call.

    Args:
        call: the call.
    """

    def __init__(self, call: PhoneCall) -> None:
        self._call = call

    def say(self, words: str) -> None:
        """Start to speak, also during a playback."""
        self._call.starts_saying(words)

    def interrupt(self, words: str, after_ms: int | None) -> None:
        """Start to speak, or schedule it for `after_ms` into the playback."""
        call, playback = self._call, self._call.playback_queue.current
        since_ms = call.clock.now_ms - playback.started_ms if playback else 0
        call.clock.after((after_ms or 0) - since_ms, partial(self.say, words))

    def press(self, keys: str) -> None:
        """Press the first key now and schedule the others."""
        for index, key in enumerate(keys):
            self._call.clock.after(index * KEY_GAP_MS, partial(self._call.presses_now, key))

    def wait(self, seconds: float) -> None:
        """Show a note: real time passes by itself."""
        self._call.writer.note(f"in real time, type nothing for {seconds:g} s to stay silent")

    def listen(self) -> None:
        """Do nothing: real time passes by itself."""
