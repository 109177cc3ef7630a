"""Executes the actions of a bot in a call."""

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
from aiflow_local.simulator.engine.carrier import Carrier
from aiflow_local.simulator.engine.formatting import format_seconds
from aiflow_local.simulator.engine.playback import PlaybackQueue
from aiflow_local.simulator.engine.speech_recognition import SpeechRecognizer
from aiflow_local.simulator.engine.transcript import TranscriptWriter

MAX_ACTIONS_PER_CALL = 1000
"""The simulator ends a call with more actions."""


class ExecutionHost(Protocol):
    """The parts of a call on which actions have an effect."""

    actions: list[Action]
    is_voice_to_voice: bool
    writer: TranscriptWriter
    playback_queue: PlaybackQueue
    recognizer: SpeechRecognizer
    carrier: Carrier

    @property
    def has_agent(self) -> bool:
        """Whether the bot is in the call."""
        ...

    def abort(self, why: str) -> None:
        """Record an error and end the call."""
        ...

    def cancel_input_timer(self) -> None:
        """Cancel the input timeout."""
        ...


class ActionExecutor:
    """Executes the actions of answers.

    Args:
        call: the call in which they take effect.
    """

    def __init__(self, call: ExecutionHost) -> None:
        self._call = call

    def execute(self, actions: Sequence[Action]) -> None:
        """Execute actions in order, as long as the agent is in the call."""
        call = self._call
        if call.is_voice_to_voice:
            self._warn_of_idle(actions)
        call.playback_queue.start_answer()
        for action in actions:
            if not call.has_agent:
                return
            call.actions.append(action)
            call.writer.action(action)
            if len(call.actions) >= MAX_ACTIONS_PER_CALL:
                call.abort(f"has {MAX_ACTIONS_PER_CALL} actions")
            else:
                self._perform(action)

    def _perform(self, action: Action) -> None:
        call = self._call
        match action:
            case Speak() | Audio():
                call.playback_queue.play(action)
            case Hangup() | Transfer():
                call.playback_queue.leave_call(action)
            case BargeIn():
                self._barge_in()
            case SendSms():
                call.carrier.send_sms()
            case MixAudio():
                call.writer.note(call.playback_queue.set_background(action))
            case ConfigureTranscription():
                self._configure(action)
            case ConfigureVoiceToVoice():
                self._begin_voice_to_voice(action)

    def _barge_in(self) -> None:
        if not self._call.playback_queue.current:
            self._call.writer.note("nothing is playing to stop")
        self._call.playback_queue.stop()

    def _configure(self, action: ConfigureTranscription) -> None:
        call = self._call
        # Voice-to-voice does not use the speech recognition that this configures.
        gap_ms = 0 if call.is_voice_to_voice else call.recognizer.configure(action)
        if gap_ms:
            call.writer.note(
                f"speech recognition restarts and hears nothing for {format_seconds(gap_ms)}"
            )

    def _begin_voice_to_voice(self, action: ConfigureVoiceToVoice) -> None:
        call = self._call
        call.cancel_input_timer()
        call.playback_queue.stop()
        if not call.has_agent:
            # Stopping the playback executed a queued hangup or transfer.
            return
        call.is_voice_to_voice = True
        call.writer.note("a speech-to-speech model takes over")
        if action.greeting:
            call.playback_queue.play(Speak(session_id=action.session_id, text=action.greeting))

    def _warn_of_idle(self, actions: Sequence[Action]) -> None:
        """Warn of actions that have little or no effect in voice-to-voice."""
        for action in actions:
            if isinstance(action, Speak):
                message = "speak only instructs the model in voice-to-voice"
                self._call.writer.problem(
                    Diagnostic.warning("speak_in_voice_to_voice", "", message)
                )
            elif isinstance(action, ConfigureTranscription):
                message = "configure_transcription has no effect in voice-to-voice"
                self._call.writer.problem(Diagnostic.warning("no_op", "", message))
