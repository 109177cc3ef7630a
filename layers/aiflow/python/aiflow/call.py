"""The `Call` that handlers get: the state of the call, and one builder per action."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Literal

from pydantic import ValidationError

from aiflow.domain.billable_actions import BILLABLE
from aiflow.errors import InvalidAction
from aiflow.protocol.actions import (
    Action,
    Audio,
    AzureTts,
    BargeIn,
    BargeInConfig,
    BaseAction,
    ConfigureTranscription,
    ConfigureVoiceToVoice,
    ElevenLabsTts,
    Hangup,
    MixAudio,
    SendSms,
    Speak,
    Transfer,
    VadConfig,
)
from aiflow.protocol.events import Session
from aiflow.protocol.lint import describe
from aiflow.sessions.record import Turn

type Reply = Action | Sequence[Action] | Iterator[Reply] | str | None
"""What a handler returns: an action, several in order, text to speak, or None to stay silent.

A generator (`-> Iterator[Reply]`) yields several of them, one after another.
"""

Extra = Mapping[str, Any] | None


class Call:
    """One phone call, as its handlers see it.

    Every builder fills in the `session_id` and checks all bounds of the protocol. `extra` adds
    options that the service has and this version does not know. Invalid values raise
    `InvalidAction`, whose message names the member and its allowed range.

    Attributes:
        session: ids, numbers and direction; members that this event lacks come from earlier ones.
        state: your own JSON mapping, stored with the call; change it in place.
        history: the latest turns, oldest first, including the current one; see `transcript`.
        config: your own settings, from the environment variables named AGENT_*: `AGENT_CITY` is
            `config["city"]`.
        transfer_failed: True for the `session_start` of a call that came back because its transfer
            failed.
    """

    def __init__(  # noqa: PLR0913 - all but the session is by name, and has a default
        self,
        session: Session,
        *,
        state: dict[str, Any] | None = None,
        history: Sequence[Turn] = (),
        config: Mapping[str, str] | None = None,
        transfer_failed: bool = False,
        transcript: Callable[[], Sequence[Turn]] | None = None,
        allows: Callable[[Action], bool] = lambda _: True,
    ) -> None:
        """Make a call; a test passes only what it needs."""
        self.session = session
        self.state: dict[str, Any] = {} if state is None else state
        self.history = tuple(history)
        self.config: Mapping[str, str] = config or {}
        self.transfer_failed = transfer_failed
        self._transcript = transcript
        self._allows = allows

    def transcript(self) -> tuple[Turn, ...]:
        """Return all turns of the call. Queries the store: for summaries, not for every event."""
        return self.history if self._transcript is None else tuple(self._transcript())

    def once[A: (SendSms, Transfer)](self, key: str, action: A) -> A:
        """Return `action` with an idempotency key of your own: the call sends it once per key.

        `call.once("directions", call.send_sms(...))` is one message, however its text is worded the
        next time. After a failure (`sms_failed`, or the call came back) it may be sent again.
        """
        if not key.strip() or action.type not in BILLABLE:
            raise InvalidAction("once needs a name that is not blank, and a send_sms or transfer")
        return action.named(key)

    def allows(self, action: Action) -> bool:
        """Tell whether an action would leave now: not forbidden by policy or cap, not sent already.

        Ask before you promise; what may not leave is left out, whatever was promised.
        """
        return self._allows(action)

    def speak(  # noqa: PLR0913 - the members of the action
        self,
        text: str | None = None,
        *,
        ssml: str | None = None,
        tts: AzureTts | ElevenLabsTts | None = None,
        barge_in: BargeInConfig | None = None,
        user_input_timeout_seconds: float | None = None,
        vad: VadConfig | None = None,
        extra: Extra = None,
    ) -> Speak:
        """Say `text` or `ssml`; `.then(...)` sends further actions when it has been said."""
        return self._build(
            Speak,
            extra,
            text=text,
            ssml=ssml,
            tts=tts,
            barge_in=barge_in,
            user_input_timeout_seconds=user_input_timeout_seconds,
            vad=vad,
        )

    def audio(
        self, audio: str, *, barge_in: BargeInConfig | None = None, extra: Extra = None
    ) -> Audio:
        """Play a sound: base64 of a WAV file, see `load_audio`."""
        return self._build(Audio, extra, audio=audio, barge_in=barge_in)

    def mix_audio(
        self,
        audio: str | None = None,
        *,
        volume: float | None = None,
        stop: bool | None = None,
        extra: Extra = None,
    ) -> MixAudio:
        """Loop a sound under the whole call, at a `volume` of 0-1, until `stop=True`."""
        return self._build(MixAudio, extra, audio=audio, volume=volume, stop=stop)

    def hangup(self, *, extra: Extra = None) -> Hangup:
        """End the call at once; `call.speak("Goodbye").then(call.hangup())` says goodbye before."""
        return self._build(Hangup, extra)

    def transfer(
        self,
        target_phone_number: str,
        *,
        caller_id_name: str,
        caller_id_number: str,
        timeout: int | None = None,
        extra: Extra = None,
    ) -> Transfer:
        """Connect the caller with another number.

        With a `timeout` (5-120 seconds), an unanswered transfer returns as `session_start`;
        without one, the call ends.
        """
        return self._build(
            Transfer,
            extra,
            target_phone_number=target_phone_number,
            caller_id_name=caller_id_name,
            caller_id_number=caller_id_number,
            timeout=timeout,
        )

    def barge_in(self, *, extra: Extra = None) -> BargeIn:
        """Stop at once what is being played."""
        return self._build(BargeIn, extra)

    def configure_transcription(
        self,
        *,
        provider: Literal["AZURE", "DEEPGRAM", "ELEVEN_LABS"] | None = None,
        languages: Sequence[str] | None = None,
        custom_vocabulary: Sequence[str] | None = None,
        vad: VadConfig | None = None,
        extra: Extra = None,
    ) -> ConfigureTranscription:
        """Change how the caller is understood.

        At most 4 `languages` (BCP-47) and 100 phrases of 200 characters; both replace what was set.
        """
        return self._build(
            ConfigureTranscription,
            extra,
            provider=provider,
            languages=languages,
            custom_vocabulary=custom_vocabulary,
            vad=vad,
        )

    def configure_voice_to_voice(
        self,
        system_prompt: str,
        *,
        greeting: str | None = None,
        temperature: float | None = None,
        language: str | None = None,
        extra: Extra = None,
    ) -> ConfigureVoiceToVoice:
        """Hand the conversation to a speech-to-speech model."""
        return self._build(
            ConfigureVoiceToVoice,
            extra,
            system_prompt=system_prompt,
            greeting=greeting,
            temperature=temperature,
            language=language,
        )

    def send_sms(self, phone_number: str, message: str, *, extra: Extra = None) -> SendSms:
        """Send a text message; the same one goes out once a call, unless it failed."""
        return self._build(SendSms, extra, phone_number=phone_number, message=message)

    def _build[A: BaseAction](self, model: type[A], extra: Extra, **members: object) -> A:
        try:
            action = model.model_validate({"session_id": self.session.id, **members})
        except ValidationError as error:
            name = model.model_fields["type"].default
            raise InvalidAction(
                "; ".join(f"{name}{problem}" for problem in describe(error, members))
            ) from error
        return action.with_extra(extra) if extra else action
