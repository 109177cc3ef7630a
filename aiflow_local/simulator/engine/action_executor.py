"""What the service does when it is told to: an action, and what happens then."""

from collections.abc import Sequence
from typing import Protocol

from aiflow import (
    Action,
    Audio,
    BargeIn,
    ConfigureTranscription,
    ConfigureVoiceToVoice,
    Hangup,
    MixAudio,
    SendSms,
    Speak,
    Transfer,
)
from aiflow.protocol.lint import Diagnostic
from aiflow_local.simulator.engine.carrier import Outside
from aiflow_local.simulator.engine.formatting import seconds
from aiflow_local.simulator.engine.playback import Voice
from aiflow_local.simulator.engine.speech_recognition import Ears
from aiflow_local.simulator.engine.transcript import Scribe

MOST_ACTIONS = 1000
"""No call has more actions: the phone cuts it off."""


class ExecutionHost(Protocol):
    """The parts of a call on which actions have an effect."""

    actions: list[Action]
    is_voice_to_voice: bool
    scribe: Scribe
    voice: Voice
    ears: Ears
    outside: Outside

    @property
    def has_agent(self) -> bool:
        """Whether the bot is in the call."""
        ...

    def cut_off(self, why: str) -> None:
        """Record an error and end the call."""
        ...

    def cancel_input_timer(self) -> None:
        """Cancel the input timeout."""
        ...


class Obedience:
    """Obeys the actions of answers.

    Args:
        call: in which they are obeyed.
    """

    def __init__(self, call: ExecutionHost) -> None:
        self._call = call

    def obey(self, actions: Sequence[Action]) -> None:
        """Obey an answer, action by action, as long as the agent is in the call."""
        call = self._call
        if call.is_voice_to_voice:
            self._warn_of_idle(actions)
        call.voice.next_answer()
        for action in actions:
            if not call.has_agent:
                return
            call.actions.append(action)
            call.scribe.action(action)
            if len(call.actions) >= MOST_ACTIONS:
                call.cut_off(f"has told the phone to do {MOST_ACTIONS} things")
            else:
                self._perform(action)

    def _perform(self, action: Action) -> None:
        call = self._call
        match action:
            case Speak() | Audio():
                call.voice.play(action)
            case Hangup() | Transfer():
                call.voice.leave(action)
            case BargeIn():
                self._barge_in()
            case SendSms():
                call.outside.send_message()
            case MixAudio():
                call.scribe.note(f"the background sound {call.voice.mix(action)}")
            case ConfigureTranscription():
                self._configure(action)
            case ConfigureVoiceToVoice():
                self._begin_voice_to_voice(action)

    def _barge_in(self) -> None:
        if not self._call.voice.current:
            self._call.scribe.note("nothing is playing that could be stopped")
        self._call.voice.stop()

    def _configure(self, action: ConfigureTranscription) -> None:
        call = self._call
        # In voice-to-voice, the pipeline that it belongs to has nothing to do.
        gap_ms = 0 if call.is_voice_to_voice else call.ears.configure(action)
        if gap_ms:
            call.scribe.note(f"nobody listens for {seconds(gap_ms)}: recognition starts again")

    def _begin_voice_to_voice(self, action: ConfigureVoiceToVoice) -> None:
        call = self._call
        call.cancel_input_timer()
        call.voice.stop()
        if not call.has_agent:
            # There was a hangup or a transfer behind it.
            return
        call.is_voice_to_voice = True
        call.scribe.note("a speech-to-speech model takes over")
        if action.greeting:
            call.voice.play(Speak(session_id=action.session_id, text=action.greeting))

    def _warn_of_idle(self, actions: Sequence[Action]) -> None:
        """Warn of what has hardly an effect once a model speaks and listens."""
        for action in actions:
            if isinstance(action, Speak):
                message = "speak is no more than an instruction to the model in voice-to-voice"
                self._call.scribe.problem(
                    Diagnostic.warning("speak_in_voice_to_voice", "", message)
                )
            elif isinstance(action, ConfigureTranscription):
                message = "configure_transcription has no effect in voice-to-voice"
                self._call.scribe.problem(Diagnostic.warning("no_op", "", message))
