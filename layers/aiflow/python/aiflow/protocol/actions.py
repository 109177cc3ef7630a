"""What AI Flow is told to do: one model per action type, strict on purpose.

Actions are frozen, forbid members that the protocol does not know and check every bound that it
publishes, because the service reports no errors: what it cannot take is silence on the phone. A
default that is not sent is the service's own; it stands in the description of the member.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, Self

from pydantic import ConfigDict, Field, PrivateAttr, StrictBool, model_validator

from aiflow.errors import InvalidAction
from aiflow.protocol.constraints import ItemCount, NumberRange, reject
from aiflow.protocol.options import (
    AudioData,
    AzureTts,
    BargeInConfig,
    ElevenLabsTts,
    ElevenLabsVoice,
    Ssml,
    StrictModel,
    Tts,
    VadConfig,
)
from aiflow.protocol.types import (
    E164,
    Integer,
    JsonObject,
    JsonValue,
    LanguageTag,
    NonBlankText,
    Number,
    SessionId,
    SingleLineText,
    VocabularyPhrase,
)

__all__ = [
    "ACTION_TYPES",
    "Action",
    "Audio",
    "AzureTts",
    "BargeIn",
    "BargeInConfig",
    "BaseAction",
    "ConfigureTranscription",
    "ConfigureVoiceToVoice",
    "ElevenLabsTts",
    "ElevenLabsVoice",
    "Hangup",
    "MixAudio",
    "SendSms",
    "Speak",
    "Transfer",
    "VadConfig",
]


class BaseAction(StrictModel):
    """What all actions have: the session that they are for."""

    session_id: SessionId = Field(description="`session.id` of the event that is answered.")

    # Not a dict: pydantic looks at the signature of a default factory each time, which took a
    # third of the time of an answer.
    _extra: tuple[tuple[str, JsonValue], ...] = PrivateAttr(default=())
    _followers: tuple["Action", ...] = PrivateAttr(default=())
    _once: str | None = PrivateAttr(default=None)

    @property
    def deferred_actions(self) -> tuple["Action", ...]:
        """The actions that wait until this one has been played; see `Speak.then`."""
        return self._followers

    @property
    def once(self) -> str | None:
        """The name of what it is done for, if it has one; ours alone, and never sent."""
        return self._once

    def named(self, key: str) -> Self:
        """Return a copy that is done once in a call for all that bear this name."""
        copy = self.model_copy()
        copy._once = key  # noqa: SLF001 - it is one of us
        return copy

    def with_extra(self, extra: Mapping[str, Any]) -> Self:
        """Return a copy that also sends `extra`: options of the service that we do not know.

        Raises:
            InvalidAction: a name that the action has already, or a value that is not JSON.
        """
        known = type(self).model_fields.keys() & extra.keys()
        if known:
            raise InvalidAction(
                f"extra: {', '.join(sorted(known))} must be given as parameters of their own"
            )
        try:
            # The bytes are made to find lone surrogates, which `json` lets pass.
            text = json.dumps(dict(extra), allow_nan=False, ensure_ascii=False).encode()
        except (TypeError, ValueError, RecursionError):
            raise InvalidAction("extra: every value must be JSON") from None
        copy = self.model_copy()
        added: JsonObject = json.loads(text)
        copy._extra = (*self._extra, *added.items())  # noqa: SLF001 - it is one of us
        return copy

    def to_wire(self) -> JsonObject:
        """Return the JSON object that is sent: what was given, and no default of the service."""
        members = self.model_dump(mode="json", exclude_none=True)
        return {"type": members.pop("type"), **members, **dict(self._extra)}

    def _followed_by(self, actions: tuple["Action", ...]) -> Self:
        copy = self.model_copy()
        chain = [*self._followers]
        for action in actions:
            chain += [action, *action.deferred_actions]
        copy._followers = tuple(chain)  # noqa: SLF001 - it is one of us
        return copy


class _Playback(BaseAction):
    """An action that the caller hears, and that `assistant_speech_ended` follows."""

    def then(self, *actions: "Action") -> Self:
        """Return a copy after whose playback `actions` are sent, in order.

        They are kept with the call until `assistant_speech_ended`; a further playback among them
        is waited for in the same way. If the end is never reported, the input timeout releases
        them. They are dropped when the caller goes on talking or presses a key.
        """
        return self._followed_by(actions)


class Speak(_Playback):
    """Say something: exactly one of `text` and `ssml`.

    Source: api/actions/speak.html.
    """

    model_config = ConfigDict(
        json_schema_extra={"oneOf": [{"required": ["text"]}, {"required": ["ssml"]}]}
    )

    type: Literal["speak"] = "speak"
    text: NonBlankText | None = Field(default=None, description="Plain text.")
    ssml: Ssml | None = Field(default=None, description="Well-formed XML with a `speak` root.")
    tts: Tts | None = Field(default=None, description="The voice; the flow's own if omitted.")
    barge_in: BargeInConfig | None = Field(
        default=None, description="Whether the caller may interrupt."
    )
    user_input_timeout_seconds: Annotated[Number, NumberRange(0, unit="seconds")] | None = Field(
        default=None,
        description="Send `user_input_timeout` after this much silence; no timeout if omitted.",
    )
    vad: VadConfig | None = Field(
        default=None, description="When the caller's next turn counts as finished."
    )

    @model_validator(mode="after")
    def _text_xor_ssml(self) -> Self:
        if (self.text is None) == (self.ssml is None):
            reject("needs exactly one of text and ssml")
        return self


class Audio(_Playback):
    """Play a sound.

    Source: api/actions/audio.html.
    """

    type: Literal["audio"] = "audio"
    audio: AudioData = Field(description="Base64 of a WAV file: PCM, 16 kHz, mono, 16 bit.")
    barge_in: BargeInConfig | None = Field(
        default=None, description="Whether the caller may interrupt."
    )


class MixAudio(BaseAction):
    """Loop a sound under the whole call until it is replaced or stopped.

    Source: api/actions/mix-audio.html.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "anyOf": [
                {"required": ["audio"]},
                {"required": ["stop"], "properties": {"stop": {"const": True}}},
            ]
        }
    )

    type: Literal["mix_audio"] = "mix_audio"
    audio: AudioData | None = Field(
        default=None, description="Base64 of a WAV file: PCM, 16 kHz, mono, 16 bit."
    )
    volume: Annotated[Number, NumberRange(0, 1)] | None = Field(
        default=None, description="0.0-1.0; the service's default is 0.5."
    )
    stop: StrictBool | None = Field(default=None, description="True removes the running loop.")

    @model_validator(mode="after")
    def _audio_or_stop(self) -> Self:
        if self.audio is None and not self.stop:
            reject("needs audio, or stop: true")
        return self


class Hangup(BaseAction):
    """End the call, at once: what is being said is cut off. See `Speak.then`.

    Source: api/actions/hangup.html.
    """

    type: Literal["hangup"] = "hangup"


class Transfer(BaseAction):
    """Connect the caller with another number.

    Source: api/actions/transfer.html.
    """

    type: Literal["transfer"] = "transfer"
    target_phone_number: E164 = Field(description="E.164, sent without +.")
    caller_id_name: SingleLineText = Field(description="Name that the target sees.")
    caller_id_number: E164 = Field(
        description="Number that the target sees; E.164, sent without +."
    )
    timeout: Annotated[Integer, NumberRange(5, 120, "seconds")] | None = Field(
        default=None,
        description="Seconds to wait for an answer, 5-120. With it a failed transfer comes back as "
        "`session_start`; without it a failed transfer ends the call.",
    )


class BargeIn(BaseAction):
    """Stop at once what is being played.

    Source: api/actions/barge-in.html.
    """

    type: Literal["barge_in"] = "barge_in"


class ConfigureTranscription(BaseAction):
    """Change how the caller is understood.

    A change of language or provider loses some 100-800 ms of what is said meanwhile.

    Source: api/actions/configure-transcription.html.
    """

    type: Literal["configure_transcription"] = "configure_transcription"
    provider: Literal["AZURE", "DEEPGRAM", "ELEVEN_LABS"] | None = Field(
        default=None, description="Upper case. A new provider without `languages` resets them."
    )
    languages: Annotated[Sequence[LanguageTag], ItemCount(1, 4, "language tags")] | None = Field(
        default=None, description="1-4 BCP-47 tags; they replace the ones before."
    )
    custom_vocabulary: (
        Annotated[Sequence[VocabularyPhrase], ItemCount(0, 100, "phrases")] | None
    ) = Field(
        default=None,
        description="At most 100 phrases of at most 200 characters; they replace the ones before.",
    )
    vad: VadConfig | None = Field(default=None, description="For the rest of the session.")


class ConfigureVoiceToVoice(BaseAction):
    """Hand the conversation to a speech-to-speech model (a preview that sipgate unlocks).

    Source: api/actions/configure-voice-to-voice.html.
    """

    type: Literal["configure_voice_to_voice"] = "configure_voice_to_voice"
    system_prompt: NonBlankText = Field(description="The persona.")
    greeting: NonBlankText | None = Field(
        default=None, description="Opening line; the model may rephrase it."
    )
    temperature: Annotated[Number, NumberRange(0, 2)] | None = Field(
        default=None, description="0-2; the service's default is 0.8."
    )
    language: LanguageTag | None = Field(default=None, description="A hint, like de.")


class SendSms(BaseAction):
    """Send a text message; `sms_failed` follows when that fails (sipgate unlocks it on request).

    Source: api/actions/send-sms.html.
    """

    type: Literal["send_sms"] = "send_sms"
    phone_number: E164 = Field(description="E.164, sent without +.")
    message: NonBlankText = Field(description="No hard limit; billed per segment.")


type Action = (
    Speak
    | Audio
    | MixAudio
    | Hangup
    | Transfer
    | BargeIn
    | ConfigureTranscription
    | ConfigureVoiceToVoice
    | SendSms
)
"""Every action of the protocol."""

ACTION_TYPES: Mapping[str, type[Action]] = {
    model.model_fields["type"].default: model for model in Action.__value__.__args__
}
"""From the name on the wire to its model."""
