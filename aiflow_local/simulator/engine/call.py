"""A phone call as the AI Flow service runs it: it owns the call, sends events, obeys actions."""

from aiflow import Action, Audio, Hangup, Speak
from aiflow.protocol.lint import Diagnostic
from aiflow_local.simulator.engine.bot_connection import BotConnection
from aiflow_local.simulator.engine.bot_session import BotSession
from aiflow_local.simulator.engine.carrier import Carrier
from aiflow_local.simulator.engine.clock import Clock, MessageArrived, Timer
from aiflow_local.simulator.engine.formatting import format_action, quote, seconds, shorten
from aiflow_local.simulator.engine.options import ServiceOptions
from aiflow_local.simulator.engine.parties import CallParties
from aiflow_local.simulator.engine.playback import LeaveAction, Playback, PlaybackQueue
from aiflow_local.simulator.engine.speech_recognition import SpeechRecognizer
from aiflow_local.simulator.engine.speech_timing import speech_text
from aiflow_local.simulator.engine.transcript import EntryKind, Transcript, TranscriptWriter

EPOCH_MS = 1_800_000_000_000
"""When every virtual call begins, Unix time in milliseconds: the same each run."""

MAX_CALL_MS = 2 * 60 * 60 * 1000
"""No call takes longer: the phone cuts it off."""


class ServiceCall:
    """The service's side of one call: what happens to it, and what it tells the bot.

    Args:
        door: the way to the bot.
        switches: how the service behaves where its documentation is silent. They may be replaced
            while the call goes on, and hold from then on.
        party: who calls whom.
        clock: virtual, unless people are to hear the pauses.
        transcript: where it is taken down what happens.
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
        """What the bot told the service to do, in the order of its answers."""
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
        """Send an event, and obey the answer; unless the agent is out of the call."""
        self._bot_session.send(name, members)

    def end(self, *, quietly: bool = False) -> None:
        """End the call; `session_end` is the last event, and comes once.

        Args:
            quietly: do not tell the bot: a transfer has put it out of the call, or nothing gets
                there any more.
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
        """End a call that would not end by itself, and say why."""
        self.writer.problem(
            Diagnostic.error("endless", "", f"this call {why}: the phone cuts it off")
        )
        self.end()

    def stop_audio(self) -> None:
        """Stop speaking and listening."""
        self.cancel_input_timer()
        self.playback_queue.stop()
        if self.recognizer.turn:
            self.writer.note("what the caller is saying is lost")
        self.recognizer.forget()
        self._is_speech_reported = False

    def step(self, until_ms: int) -> bool:
        """Let the next thing happen, if it is due by then; tell if the call goes on after it.

        What the bot has sent by itself happens first.
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
                # What is due next comes after the end.
                self.clock.run_until(MAX_CALL_MS)
        except MessageArrived:
            stepped = True
        if self.clock.now_ms >= MAX_CALL_MS and not self.is_over:
            self.abort(f"lasts for {MAX_CALL_MS // 3_600_000} hours")
        return stepped and not self.is_over

    @property
    def awaits_answer(self) -> bool:
        """Whether an answer may come that nobody has waited for yet: in real time only."""
        return self._bot_session.awaits_answer

    @property
    def has_agent(self) -> bool:
        """Whether the bot is in the call: it is not when it is over, nor while a transfer rings."""
        return not self.is_over and not self.carrier.is_ringing

    def cancel_input_timer(self) -> None:
        """Stop waiting for the caller."""
        if self._input_timer:
            self._input_timer.cancel()
            self._input_timer = None

    # What the voice asks for and tells.

    def leave_call(self, action: LeaveAction) -> None:
        """Hang up or transfer, if that has not been done yet."""
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
        """Report that the agent has spoken; then it is the caller's turn."""
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
        """Take down that something was never played."""
        self.writer.note(f"never played: {format_action(action.to_wire())}")

    # What the ears tell.

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
            # The next voice belongs to the same report: only `user_speak` ends it.
            self.writer.note("nothing was understood")
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
        self.writer.record(EntryKind.HEARD, f"{what}, {how} after {seconds(played_ms)}", data)
