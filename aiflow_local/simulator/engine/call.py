"""A phone call as the AI Flow service runs it: sends events and executes actions."""

from aiflow import Action, Audio, Hangup, Speak
from aiflow.protocol.lint import Diagnostic
from aiflow_local.simulator.engine.bot_connection import BotConnection
from aiflow_local.simulator.engine.bot_session import BotSession
from aiflow_local.simulator.engine.carrier import Carrier
from aiflow_local.simulator.engine.clock import Clock, MessageArrived, Timer
from aiflow_local.simulator.engine.formatting import format_action, format_seconds, quote, shorten
from aiflow_local.simulator.engine.options import ServiceOptions
from aiflow_local.simulator.engine.parties import CallParties
from aiflow_local.simulator.engine.playback import LeaveAction, Playback, PlaybackQueue
from aiflow_local.simulator.engine.speech_recognition import SpeechRecognizer
from aiflow_local.simulator.engine.speech_timing import speech_text
from aiflow_local.simulator.engine.transcript import EntryKind, Transcript, TranscriptWriter

EPOCH_MS = 1_800_000_000_000
"""Unix time in milliseconds at which every virtual call begins."""

MAX_CALL_MS = 2 * 60 * 60 * 1000
"""The simulator ends a call that lasts longer."""


class ServiceCall:
    """The service's side of one call.

    Args:
        connection: connection to the bot.
        options: behaviour of the service where its documentation is silent. They may be replaced
            during the call and apply from then on.
        parties: caller, callee and session id.
        clock: virtual clock, or one that waits in real time.
        transcript: where events and actions are recorded.
    """

    def __init__(
        self,
        connection: BotConnection,
        options: ServiceOptions | None = None,
        parties: CallParties | None = None,
        clock: Clock | None = None,
        transcript: Transcript | None = None,
    ) -> None:
        self.options = options or ServiceOptions()
        self.parties = parties or CallParties()
        self.clock = clock or Clock()
        self.transcript = transcript or Transcript()
        self.connection = connection
        self.actions: list[Action] = []
        """Executed actions, in order."""
        self.is_over = False
        self.is_voice_to_voice = False
        self.writer = TranscriptWriter(self.clock, self.transcript)
        self.playback_queue = PlaybackQueue(self)
        self.recognizer = SpeechRecognizer(self)
        self.carrier = Carrier(self)
        self._bot_session = BotSession(self)
        self._input_timer: Timer | None = None
        self._is_speech_reported = False

    def send(self, name: str, **members: object) -> None:
        """Send an event and execute the answer, unless the agent is out of the call."""
        self._bot_session.send(name, members)

    def end(self, *, quietly: bool = False) -> None:
        """End the call and send `session_end`, once.

        Args:
            quietly: send no `session_end`, because a transfer has removed the bot from the call or
                the bot is unreachable.
        """
        if self.is_over:
            return
        self.is_over = True
        self.stop_audio()
        if self.playback_queue.background:
            self.playback_queue.background = None
            self.writer.note("the background sound ends")
        if not quietly:
            self._bot_session.send_session_end()
        self.writer.note("the call is over")

    def abort(self, why: str) -> None:
        """Record an error with this reason and end the call."""
        self.writer.problem(
            Diagnostic.error("endless", "", f"this call {why}: the simulator ends it")
        )
        self.end()

    def stop_audio(self) -> None:
        """Stop playback and speech recognition."""
        self.cancel_input_timer()
        self.playback_queue.stop()
        if self.recognizer.turn:
            self.writer.note("what the caller is saying is lost")
        self.recognizer.forget()
        self._is_speech_reported = False

    def step(self, until_ms: int) -> bool:
        """Execute the next timer that is due; return whether the call can continue.

        Unsolicited messages of the bot come first.

        Args:
            until_ms: timers after this time are not executed.
        """
        if self._bot_session.process_unsolicited():
            return not self.is_over
        try:
            stepped = not self.is_over and self.clock.step(min(until_ms, MAX_CALL_MS))
            if (
                not stepped
                and until_ms >= MAX_CALL_MS
                and not self.is_over
                and not self.clock.is_idle
            ):
                # The next timer is due after the maximum duration.
                self.clock.run_until(MAX_CALL_MS)
        except MessageArrived:
            stepped = True
        if self.clock.now_ms >= MAX_CALL_MS and not self.is_over:
            self.abort(f"lasts for {MAX_CALL_MS // 3_600_000} hours")
        return stepped and not self.is_over

    @property
    def awaits_answer(self) -> bool:
        """Whether an answer may still come; in real time only."""
        return self._bot_session.awaits_answer

    @property
    def has_agent(self) -> bool:
        """Whether the bot is in the call: not after its end, nor while a transfer rings."""
        return not self.is_over and not self.carrier.is_ringing

    def cancel_input_timer(self) -> None:
        """Cancel the input timeout."""
        if self._input_timer:
            self._input_timer.cancel()
            self._input_timer = None

    # Implementation of `PlaybackHost`.

    def leave_call(self, action: LeaveAction) -> None:
        """Hang up or transfer, unless the agent has left the call already."""
        if not self.has_agent:
            return
        if isinstance(action, Hangup):
            self.end()
        else:
            self.carrier.transfer(action)
            self.stop_audio()

    def playback_started(self, playback: Playback) -> None:
        """Report that the agent speaks."""
        action = playback.action
        self.cancel_input_timer()
        self.recognizer.playback_started(playback)
        if not isinstance(action, Speak) or self.is_voice_to_voice:
            return
        self.recognizer.set_end_of_turn_silence(action.vad)
        if self.options.assistant_speak:
            members: dict[str, object] = {
                "text": speech_text(action),
                "duration_ms": playback.duration_ms,
                "speech_started_at": EPOCH_MS + playback.started_ms,
            }
            if action.ssml is not None:
                members["ssml"] = action.ssml
            self.clock.after(0, lambda: self.send("assistant_speak", **members))

    def playback_ended(self, playback: Playback, *, interrupted: bool) -> None:
        """Report that the agent has spoken, and start the input timeout."""
        self.recognizer.playback_ended()
        self._record_heard(playback, interrupted=interrupted)
        if self.is_voice_to_voice or not self.has_agent:
            return
        if interrupted and not self.options.speech_ended_after_interruption:
            return
        self.clock.after(0, lambda: self.send("assistant_speech_ended"))
        timeout = getattr(playback.action, "user_input_timeout_seconds", None)
        if timeout and not (self.recognizer.turn and self.recognizer.turn.is_detected):
            delay_ms = round(min(timeout * 1000, MAX_CALL_MS))
            self._input_timer = self.clock.after(delay_ms, lambda: self.send("user_input_timeout"))

    def playback_skipped(self, action: Speak | Audio) -> None:
        """Record that a queued playback was dropped."""
        self.writer.note(f"not played: {format_action(action.to_wire())}")

    # Implementation of `RecognitionHost`.

    def speech_detected(self) -> None:
        """Report that the caller speaks."""
        self.cancel_input_timer()
        is_reported = self._is_speech_reported or self.is_voice_to_voice
        if self.connection.reports_speech_started and not is_reported:
            self._is_speech_reported = True
            self.send("user_speech_started")

    def turn_ended(self, words: str, *, interrupted: bool) -> None:
        """Report what the caller said."""
        if not words:
            # One `user_speech_started` per `user_speak`, however often speech starts.
            self.writer.note("no words were recognized")
            return
        self._is_speech_reported = False
        if interrupted and not self.is_voice_to_voice:
            self.send("user_speak", text=words, barged_in=True)
        else:
            self.send("user_speak", text=words)

    def _record_heard(self, playback: Playback, *, interrupted: bool) -> None:
        played_ms = self.clock.now_ms - playback.started_ms
        words = playback.heard(self.clock.now_ms)
        if not playback.speech:
            what = "a sound"
        elif interrupted:
            what = quote(words) if words else "nothing"
        else:
            what = shorten(words)
        how = "cut short" if interrupted else "to its end"
        data = {"words": words, "interrupted": interrupted, "played_ms": played_ms}
        self.writer.record(
            EntryKind.HEARD, f"{what}, {how} after {format_seconds(played_ms)}", data
        )
