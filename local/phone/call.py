"""A phone call as the AI Flow service runs it: it owns the call, sends events, obeys actions."""

from dataclasses import asdict
from typing import Any

from aiflow import (
    Action,
    BargeIn,
    ConfigureTranscription,
    ConfigureVoiceToVoice,
    Hangup,
    MixAudio,
    SendSms,
    Speak,
    Transfer,
)
from aiflow.protocol.lint import Problem
from local.phone.answers import Judgement, judge
from local.phone.clock import Clock, Timer
from local.phone.door import Answered, Door
from local.phone.ears import Ears, Utterance
from local.phone.party import Party
from local.phone.speech import words_of
from local.phone.switches import Switches
from local.phone.transcript import Entry, Kind, Transcript
from local.phone.voice import Playback, Voice

EPOCH_MS = 1_800_000_000_000
"""When every virtual call begins, Unix time in milliseconds: the same each run."""

SMS_FAILS_AFTER_MS = 1000
TRANSFER_FAILS_AFTER_MS = {"busy": 2000, "rejected": 3000}
TRANSFER_PATIENCE_SECONDS = 30
MAX_CALL_MS = 2 * 60 * 60 * 1000
MAX_ACTIONS = 2000


class ServiceCall:
    """The service's side of one call: what happens to it, and what it tells the bot.

    Args:
        door: the way to the bot.
        switches: how the service behaves where its documentation is silent.
        party: who calls whom.
        clock: virtual, unless people are to hear the pauses.
        transcript: where it is taken down what happens.
    """

    def __init__(
        self,
        door: Door,
        switches: Switches | None = None,
        party: Party | None = None,
        clock: Clock | None = None,
        transcript: Transcript | None = None,
    ) -> None:
        self.switches = switches or Switches()
        self.party = party or Party()
        self.clock = clock or Clock()
        self.transcript = transcript or Transcript()
        self.actions: list[Action] = []
        self.is_over = False
        self.background: MixAudio | None = None
        self.voice = Voice(self.clock, self.switches, self)
        self.ears = Ears(self.clock, self.switches, self.voice, self._turn_over)
        self.door = door
        self._input_timer: Timer | None = None
        self._is_voice_to_voice = False

    def send(self, name: str, **members: object) -> None:
        """Send an event, and obey the answer."""
        if self.is_over:
            return
        event = {"type": name, "session": self.party.as_session(self.switches), **members}
        self.take_down(Kind.EVENT, name, {"event": event})
        judgement = self._deliver(event)
        if judgement.must_be_repeated and self.switches.failed_requests == "repeat":
            self.note(f"{name} is sent once more")
            judgement = self._deliver(event)
        self.voice.obey(judgement.actions)

    def end(self) -> None:
        """End the call; `session_end` is the last event, and comes once."""
        if self.is_over:
            return
        self.cancel_input_timer()
        self.voice.stop()
        self.background = None
        self.send("session_end")
        self.is_over = True
        self.note("the call is over")

    def step(self, until_ms: int) -> bool:
        """Let the next thing happen, if it is due by then; end a call that would go on for ever."""
        stepped = self.clock.step(until_ms)
        endless = self.clock.now_ms >= MAX_CALL_MS or len(self.actions) > MAX_ACTIONS
        if endless and not self.is_over:
            message = "does not come to an end: the call is cut off"
            self._problem(Problem("endless", "error", "", message))
            self.end()
        return stepped and not self.is_over

    def cancel_input_timer(self) -> None:
        """Stop waiting for the caller."""
        if self._input_timer:
            self._input_timer.cancel()
            self._input_timer = None

    def note(self, text: str) -> None:
        """Take down what is neither event nor action."""
        self.take_down(Kind.NOTE, text, {})

    def take_down(self, kind: Kind, text: str, data: dict[str, Any]) -> None:
        """Add an entry to the transcript."""
        self.transcript.add(Entry(self.clock.now_ms, kind, text, data))

    # What the voice asks for and tells.

    def perform(self, action: Action) -> None:
        """Obey an action that is not played."""
        if self.is_over:
            return
        self._obeyed(action)
        match action:
            case BargeIn():
                self.voice.stop()
            case Hangup():
                self.end()
            case Transfer():
                self._transfer(action)
            case SendSms() if self.switches.sms == "failed":
                self.clock.after(SMS_FAILS_AFTER_MS, self._sms_failed)
            case MixAudio():
                self.background = None if action.stop else action
            case ConfigureTranscription():
                self.ears.configure(action)
            case ConfigureVoiceToVoice():
                self._is_voice_to_voice = True
            case _:
                pass

    def playback_started(self, playback: Playback) -> None:
        """Report that the agent speaks."""
        action = playback.action
        self._obeyed(action)
        self.cancel_input_timer()
        self.ears.consider(playback)
        if not isinstance(action, Speak):
            return
        self.ears.tune(action.vad)
        if self.switches.assistant_speak and not self._is_voice_to_voice:
            members: dict[str, object] = {
                "text": words_of(action),
                "duration_ms": playback.duration_ms,
                "speech_started_at": EPOCH_MS + playback.started_ms,
            }
            if action.ssml is not None:
                members["ssml"] = action.ssml
            self.clock.after(0, lambda: self.send("assistant_speak", **members))

    def playback_ended(self, playback: Playback, *, interrupted: bool) -> None:
        """Report that the agent has spoken; then it is the caller's turn."""
        words = playback.heard(self.clock.now_ms)
        data = {"words": words, "interrupted": interrupted}
        self.take_down(Kind.HEARD, f"{words} ..." if interrupted else words, data)
        if self._is_voice_to_voice:
            return
        if not interrupted or self.switches.speech_ended_after_interruption:
            self.clock.after(0, lambda: self.send("assistant_speech_ended"))
        action = playback.action
        if not interrupted and isinstance(action, Speak) and action.user_input_timeout_seconds:
            delay_ms = round(action.user_input_timeout_seconds * 1000)
            self._input_timer = self.clock.after(
                delay_ms, lambda: self.send("user_input_timeout")
            )

    # What the service does by itself.

    def _deliver(self, event: dict[str, Any]) -> Judgement:
        outcome = self.door.send(event)
        judgement = judge(outcome, event, self.switches)
        if isinstance(outcome, Answered):
            text = f"{outcome.status} in {outcome.ms:.0f} ms"
            data = {"status": outcome.status, "ms": round(outcome.ms, 1), "body": outcome.body}
            self.take_down(Kind.ANSWER, text, data)
        for problem in judgement.problems:
            self._problem(problem)
        return judgement

    def _transfer(self, action: Transfer) -> None:
        self.voice.stop()
        self.cancel_input_timer()
        outcome = self.switches.transfer
        if outcome == "answered":
            self.note("the transfer is answered: the agent is out of the call")
            if self.switches.session_end_after_transfer:
                self.end()
            self.is_over = True
            return
        patience_ms = (action.timeout or TRANSFER_PATIENCE_SECONDS) * 1000
        delay_ms = min(TRANSFER_FAILS_AFTER_MS.get(outcome, patience_ms), patience_ms)
        self.clock.after(delay_ms, lambda: self._transfer_failed(action))

    def _transfer_failed(self, action: Transfer) -> None:
        self.note(f"the transfer fails: {self.switches.transfer}")
        if action.timeout is None:
            self.end()
        else:
            self.send("session_start")

    def _sms_failed(self) -> None:
        self.send("sms_failed", reason="the message could not be delivered")

    def _turn_over(self, utterance: Utterance, words: str) -> None:
        if not words.strip():
            self.note("nothing was understood")
        elif utterance.interrupted:
            self.send("user_speak", text=words, barged_in=True)
        else:
            self.send("user_speak", text=words)

    def _obeyed(self, action: Action) -> None:
        self.actions.append(action)
        self.take_down(Kind.ACTION, action.type, {"action": action.to_wire()})

    def _problem(self, problem: Problem) -> None:
        text = f"{problem.severity}: {problem}"
        self.take_down(Kind.PROBLEM, text, {"problem": asdict(problem)})
