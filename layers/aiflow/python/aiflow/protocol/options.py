"""Members of actions: audio, SSML, barge-in, voice activity detection, and voices."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, model_validator

from aiflow.protocol.audio import decode_audio
from aiflow.protocol.constraints import NumberRange, TextConstraint, is_object, reject
from aiflow.protocol.ssml import spoken_text
from aiflow.protocol.types import Integer, LanguageTag, SingleLineText

__all__ = [
    "AudioData",
    "AzureTts",
    "BargeInConfig",
    "ElevenLabsTts",
    "ElevenLabsVoice",
    "Ssml",
    "StrictModel",
    "Tts",
    "VadConfig",
]


def _audio(value: object) -> str | None:
    if not isinstance(value, str):
        return None
    decode_audio(value)
    return value


def _ssml(value: object) -> str | None:
    if not isinstance(value, str):
        return None
    spoken_text(value)
    return value


AudioData = Annotated[
    str,
    TextConstraint(
        _audio,
        "must be the base64 of a WAV file",
        {"contentEncoding": "base64", "contentMediaType": "audio/wav", "minLength": 1},
    ),
]
"""Base64 of a WAV file that AI Flow plays: PCM, 16 kHz, mono, 16 bit."""

Ssml = Annotated[
    str,
    TextConstraint(
        _ssml,
        "must be a text: well-formed XML with a `speak` root",
        {"contentMediaType": "application/ssml+xml", "minLength": 1},
    ),
]
"""SSML: well-formed XML with a `speak` root."""


class StrictModel(BaseModel):
    """A frozen model that forbids unknown members; its errors never quote the input."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", defer_build=True, hide_input_in_errors=True
    )


class BargeInConfig(StrictModel):
    """Whether and when the caller can interrupt a playback.

    Source: api/barge-in.html.
    """

    strategy: Literal["none", "manual", "minimum_characters", "immediate"] | None = Field(
        default=None,
        description="What interrupts: nothing, only the `barge_in` action, recognized text, or any "
        "voice. The default of the service is `minimum_characters`.",
    )
    minimum_characters: Annotated[Integer, NumberRange(1, 100)] | None = Field(
        default=None,
        description="The number of recognized characters that interrupts, 1-100; the default is 3.",
    )
    allow_after_ms: Annotated[Integer, NumberRange(0, 10_000, "ms")] | None = Field(
        default=None,
        description="The time from the start of the playback in which nothing interrupts, "
        "0-10000 ms; the default is 0.",
    )


class VadConfig(StrictModel):
    """The silence that ends a turn of the caller; it stays in effect until it is set again.

    Source: api/vad.html. The service silently ignores a value out of range, so it is rejected here.
    """

    end_of_turn_silence_ms: Annotated[Integer, NumberRange(150, 2000, "ms")] = Field(
        description="The silence after the last speech, 150-2000 ms. A lower value answers faster, "
        "but interrupts the caller sooner."
    )


class AzureTts(StrictModel):
    """An Azure voice.

    Source: api/actions/speak.html.
    """

    provider: Literal["azure"] = Field(default="azure", description="The name of the provider.")
    language: LanguageTag | None = Field(
        default=None, description="A BCP-47 language tag, for example de-DE."
    )
    voice: SingleLineText | None = Field(
        default=None, description="The name of the voice, for example de-DE-KatjaNeural."
    )


class ElevenLabsVoice(StrictModel):
    """The legacy object form of an ElevenLabs voice; the service now documents a string.

    Source: an older version of LLM_REFERENCE.txt.
    """

    model_config = ConfigDict(
        json_schema_extra={"anyOf": [{"required": ["id"]}, {"required": ["name"]}]}
    )

    id: SingleLineText | None = Field(default=None, description="The id of the voice.")
    name: SingleLineText | None = Field(default=None, description="The name of the voice.")

    @model_validator(mode="after")
    def _id_or_name(self) -> Self:
        return reject("needs an id or a name") if self.id is self.name is None else self


# The locations of pydantic include the tags of unions. The angle brackets distinguish them from
# members, so that `diagnostics` can leave them out.
def _voice_tag(value: object) -> str:
    return "<object>" if is_object(value) or isinstance(value, ElevenLabsVoice) else "<text>"


class ElevenLabsTts(StrictModel):
    """An ElevenLabs voice.

    Source: api/actions/speak.html.
    """

    provider: Literal["eleven_labs"] = Field(
        default="eleven_labs", description="The name of the provider."
    )
    voice: (
        Annotated[
            Annotated[SingleLineText, Tag("<text>")] | Annotated[ElevenLabsVoice, Tag("<object>")],
            Discriminator(_voice_tag),
        ]
        | None
    ) = Field(default=None, description="The id of the voice; default: a voice of the service.")


def _provider_tag(value: object) -> str:
    if is_object(value):
        provider = value.get("provider")
    else:
        provider = value.provider if isinstance(value, AzureTts | ElevenLabsTts) else None
    return f"<{provider}>" if isinstance(provider, str) else "<none>"


Tts = Annotated[
    Annotated[AzureTts, Tag("<azure>")] | Annotated[ElevenLabsTts, Tag("<eleven_labs>")],
    # The default message of pydantic quotes an invalid provider.
    Discriminator(
        _provider_tag,
        custom_error_type="rejected",
        custom_error_message="must be an object with a provider: azure or eleven_labs",
    ),
]
"""The voice, by its provider."""
