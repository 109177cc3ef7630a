"""One strict model for each action type.

Actions are frozen, forbid unknown members, and check every published limit. The service reports no
errors: an invalid action only means that the caller hears silence. Omitted members take the default
of the service, which the description of the member names.
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
    """The base of all actions, with the session id."""

    session_id: SessionId = Field(description="The `session.id` of the answered event.")

    # A tuple, not a dict: pydantic inspects the signature of a default factory for each instance,
    # which took a third of the time of an answer.
    _extra: tuple[tuple[str, JsonValue], ...] = PrivateAttr(default=())
    _deferred_actions: tuple["Action", ...] = PrivateAttr(default=())
    _once: str | None = PrivateAttr(default=None)

    @property
    def deferred_actions(self) -> tuple["Action", ...]:
        """The actions to send after this one has been played; see `Speak.then`."""
        return self._deferred_actions

    @property
    def once(self) -> str | None:
        """The key of `call.once`, if there is one; it is never sent."""
        return self._once

    def named(self, key: str) -> Self:
        """Return a copy with a key; of all actions with the same key, a call sends only one."""
        copy = self.model_copy()
        copy._once = key  # noqa: SLF001 - an instance of the same class
        return copy

    def with_extra(self, extra: Mapping[str, Any]) -> Self:
        """Return a copy that also sends `extra`, for options that this version does not have.

        Raises:
            InvalidAction: A name is a member of the action, or a value is not JSON.
        """
        known = type(self).model_fields.keys() & extra.keys()
        if known:
            raise InvalidAction(
                f"extra: {', '.join(sorted(known))} must be given as parameters of their own"
            )
        try:
            # Encoding to bytes detects lone surrogates, which `json` accepts.
            text = json.dumps(dict(extra), allow_nan=False, ensure_ascii=False).encode()
        except (TypeError, ValueError, RecursionError):
            raise InvalidAction("extra: every value must be JSON") from None
        copy = self.model_copy()
        added: JsonObject = json.loads(text)
        copy._extra = (*self._extra, *added.items())  # noqa: SLF001 - an instance of the same class
        return copy

    def to_wire(self) -> JsonObject:
        """Return the JSON object to send: only the given members, without defaults."""
        members = self.model_dump(mode="json", exclude_none=True)
        return {"type": members.pop("type"), **members, **dict(self._extra)}

    def _followed_by(self, actions: tuple["Action", ...]) -> Self:
        copy = self.model_copy()
        chain = [*self._deferred_actions]
        for action in actions:
            chain += [action, *action.deferred_actions]
        copy._deferred_actions = tuple(chain)  # noqa: SLF001 - an instance of the same class
        return copy


class PlaybackAction(BaseAction):
    """An action that plays sound to the caller, and that `assistant_speech_ended` follows."""

    def then(self, *actions: "Action") -> Self:
        """Return a copy that defers `actions` until it has been played.

        The session stores them until `assistant_speech_ended`. If one of them plays sound, the
        actions after it wait for its end, too. If the end is never reported, the input timeout
        releases them. They are dropped if the caller speaks or presses a key.
        """
        return self._followed_by(actions)


class Speak(PlaybackAction):
    """Speak to the caller: exactly one of `text` and `ssml`.

    Source: api/actions/speak.html.
    """

    model_config = ConfigDict(
        json_schema_extra={"oneOf": [{"required": ["text"]}, {"required": ["ssml"]}]}
    )

    type: Literal["speak"] = "speak"
    text: NonBlankText | None = Field(default=None, description="Plain text.")
    ssml: Ssml | None = Field(default=None, description="Well-formed XML with a `speak` root.")
    tts: Tts | None = Field(default=None, description="The voice; default: the voice of the flow.")
    barge_in: BargeInConfig | None = Field(
        default=None, description="Whether and when the caller can interrupt."
    )
    user_input_timeout_seconds: Annotated[Number, NumberRange(0, unit="seconds")] | None = Field(
        default=None,
        description="Seconds of silence until `user_input_timeout`; no timeout if omitted.",
    )
    vad: VadConfig | None = Field(
        default=None, description="When the next turn of the caller is finished."
    )

    @model_validator(mode="after")
    def _text_xor_ssml(self) -> Self:
        if (self.text is None) == (self.ssml is None):
            reject("needs exactly one of text and ssml")
        return self


class Audio(PlaybackAction):
    """Play a sound to the caller.

    Source: api/actions/audio.html.
    """

    type: Literal["audio"] = "audio"
    audio: AudioData = Field(description="Base64 of a WAV file: PCM, 16 kHz, mono, 16 bit.")
    barge_in: BargeInConfig | None = Field(
        default=None, description="Whether and when the caller can interrupt."
    )


class MixAudio(BaseAction):
    """Loop a background sound until it is replaced or stopped.

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
        default=None, description="0.0-1.0; the default of the service is 0.5."
    )
    stop: StrictBool | None = Field(default=None, description="True stops the loop.")

    @model_validator(mode="after")
    def _audio_or_stop(self) -> Self:
        if self.audio is None and not self.stop:
            reject("needs audio, or stop: true")
        return self


class Hangup(BaseAction):
    """End the call at once, which cuts off any playback. See `Speak.then`.

    Source: api/actions/hangup.html.
    """

    type: Literal["hangup"] = "hangup"


class Transfer(BaseAction):
    """Transfer the caller to another number.

    Source: api/actions/transfer.html.
    """

    type: Literal["transfer"] = "transfer"
    target_phone_number: E164 = Field(description="E.164, sent without +.")
    caller_id_name: SingleLineText = Field(description="The name that the target sees.")
    caller_id_number: E164 = Field(
        description="The number that the target sees; E.164, sent without +."
    )
    timeout: Annotated[Integer, NumberRange(5, 120, "seconds")] | None = Field(
        default=None,
        description="Seconds to wait for an answer, 5-120. With a timeout, a failed transfer sends "
        "`session_start` again; without one, it ends the call.",
    )


class BargeIn(BaseAction):
    """Stop the current playback at once.

    Source: api/actions/barge-in.html.
    """

    type: Literal["barge_in"] = "barge_in"


class ConfigureTranscription(BaseAction):
    """Configure the speech recognition.

    While the language or the provider changes, about 100-800 ms of speech are lost.

    Source: api/actions/configure-transcription.html.
    """

    type: Literal["configure_transcription"] = "configure_transcription"
    provider: Literal["AZURE", "DEEPGRAM", "ELEVEN_LABS"] | None = Field(
        default=None, description="The provider. Without `languages`, a new one resets them."
    )
    languages: Annotated[Sequence[LanguageTag], ItemCount(1, 4, "language tags")] | None = Field(
        default=None, description="1-4 BCP-47 tags; they replace the previous ones."
    )
    custom_vocabulary: (
        Annotated[Sequence[VocabularyPhrase], ItemCount(0, 100, "phrases")] | None
    ) = Field(
        default=None,
        description="Up to 100 phrases of up to 200 characters; they replace the previous ones.",
    )
    vad: VadConfig | None = Field(
        default=None,
        description="When a turn of the caller is finished, for the rest of the session.",
    )


class ConfigureVoiceToVoice(BaseAction):
    """Hand the conversation to a speech-to-speech model. A preview, enabled by sipgate on request.

    Source: api/actions/configure-voice-to-voice.html.
    """

    type: Literal["configure_voice_to_voice"] = "configure_voice_to_voice"
    system_prompt: NonBlankText = Field(description="The system prompt of the model.")
    greeting: NonBlankText | None = Field(
        default=None, description="The first sentence; the model may rephrase it."
    )
    temperature: Annotated[Number, NumberRange(0, 2)] | None = Field(
        default=None, description="0-2; the default of the service is 0.8."
    )
    language: LanguageTag | None = Field(
        default=None, description="A hint for the language, for example de."
    )


class SendSms(BaseAction):
    """Send a text message; `sms_failed` reports a failure. Enabled by sipgate on request.

    Source: api/actions/send-sms.html.
    """

    type: Literal["send_sms"] = "send_sms"
    phone_number: E164 = Field(description="E.164, sent without +.")
    message: NonBlankText = Field(description="The text, of any length; billed per segment.")


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
"""All actions of the protocol."""

ACTION_TYPES: Mapping[str, type[Action]] = {
    model.model_fields["type"].default: model for model in Action.__value__.__args__
}
"""The model for each value of `type`."""
