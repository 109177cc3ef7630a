"""How a caller goes about it: waits for the agent to finish, or talks when it comes to mind."""

from functools import partial
from typing import Protocol

from aiflow_local.simulator.engine.caller import KEY_GAP_MS, PhoneCall
from aiflow_local.simulator.engine.formatting import quote


class CallerPacing(Protocol):
    """What a caller can do, and when it happens."""

    def say(self, words: str) -> None:
        """Say something."""
        ...

    def interrupt(self, words: str, after_ms: int | None) -> None:
        """Say something into what is being played."""
        ...

    def press(self, keys: str) -> None:
        """Press keys."""
        ...

    def wait(self, seconds: float) -> None:
        """Say nothing."""
        ...

    def listen(self) -> None:
        """Let the agent finish."""
        ...


class VirtualTimePacing:
    """On virtual time: the agent finishes first, however long that takes, and it takes no time.

    Between two lines no time passes. So what the agent has begun to say can still be interrupted.

    Args:
        call: in which it happens.
    """

    def __init__(self, call: PhoneCall) -> None:
        self._call = call

    def say(self, words: str) -> None:
        """See `Manners.say`."""
        if self._is_heard(f"said: {quote(words)}"):
            self._call.says_now(words)

    def interrupt(self, words: str, after_ms: int | None) -> None:
        """Begin half way, or so many milliseconds into what is being played, or is going to be."""
        call = self._call
        is_playing = call.listen_until(0)
        playback = call.playback_queue.current
        if is_playing and playback:
            call.listen_until(playback.duration_ms // 2 if after_ms is None else after_ms)
        call.says_now(words)

    def press(self, keys: str) -> None:
        """See `Manners.press`."""
        if self._is_heard(f"pressed: {keys}"):
            self._call.presses_now(keys)

    def wait(self, seconds: float) -> None:
        """See `Manners.be_silent`."""
        self._call.waits(seconds)

    def listen(self) -> None:
        """See `Manners.listen`."""
        self._call.settle()

    def _is_heard(self, what: str) -> bool:
        """Let the agent finish; tell if it is still there to hear what comes then."""
        self._call.settle()
        if self._call.is_over:
            self._call.writer.note(f"no more {what}")
        return not self._call.is_over


class RealTimePacing:
    """In real time: what is typed happens now. Nothing here waits; it is set on the clock.

    Args:
        call: in which it happens.
    """

    def __init__(self, call: PhoneCall) -> None:
        self._call = call

    def say(self, words: str) -> None:
        """Begin at once, whatever is being played."""
        self._call.starts_saying(words)

    def interrupt(self, words: str, after_ms: int | None) -> None:
        """Begin at once, or so many milliseconds into what is being played."""
        call, playback = self._call, self._call.playback_queue.current
        since_ms = call.clock.now_ms - playback.started_ms if playback else 0
        call.clock.after((after_ms or 0) - since_ms, partial(self.say, words))

    def press(self, keys: str) -> None:
        """Press the first key at once."""
        for index, key in enumerate(keys):
            self._call.clock.after(index * KEY_GAP_MS, partial(self._call.presses_now, key))

    def wait(self, seconds: float) -> None:
        """Do nothing: time passes by itself."""
        self._call.writer.note(f"in real time you are silent for {seconds:g} s by typing nothing")

    def listen(self) -> None:
        """Do nothing: the agent goes on by itself."""
