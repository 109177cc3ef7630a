"""What actions carry: sound, SSML, and the objects for barge-in, voice activity and the voice."""

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
"""SSML that an engine can read: well-formed XML with a `speak` root."""


class StrictModel(BaseModel):
    """Frozen; forbids what the protocol does not know; its errors never quote the input."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", defer_build=True, hide_input_in_errors=True
    )


class BargeInConfig(StrictModel):
    """Whether and when the caller may interrupt this playback.

    Source: api/barge-in.html.
    """

    strategy: Literal["none", "manual", "minimum_characters", "immediate"] | None = Field(
        default=None,
        description="What interrupts: nothing, the `barge_in` action only, words, or any voice. "
        "The service's default is `minimum_characters`.",
    )
    minimum_characters: Annotated[Integer, NumberRange(1, 100)] | None = Field(
        default=None, description="Recognised characters that interrupt, 1-100; the default is 3."
    )
    allow_after_ms: Annotated[Integer, NumberRange(0, 10_000, "ms")] | None = Field(
        default=None,
        description="Protected time from the start of playback, 0-10000 ms; the default is 0.",
    )


class VadConfig(StrictModel):
    """How long a silence ends the caller's turn; stays in force until set again.

    Source: api/vad.html. The service ignores a value out of range without a word; we do not let
    it leave.
    """

    end_of_turn_silence_ms: Annotated[Integer, NumberRange(150, 2000, "ms")] = Field(
        description="Silence after the last speech, 150-2000 ms. Lower is faster, and cuts in "
        "sooner."
    )


class AzureTts(StrictModel):
    """A voice of Azure.

    Source: api/actions/speak.html.
    """

    provider: Literal["azure"] = Field(
        default="azure", description="Names the provider, in lower case."
    )
    language: LanguageTag | None = Field(default=None, description="BCP-47, like de-DE.")
    voice: SingleLineText | None = Field(
        default=None, description="Like de-DE-KatjaNeural; the list is open."
    )


class ElevenLabsVoice(StrictModel):
    """The older object form of an ElevenLabs voice; the service documents a string now.

    Source: the older LLM_REFERENCE.txt.
    """

    model_config = ConfigDict(
        json_schema_extra={"anyOf": [{"required": ["id"]}, {"required": ["name"]}]}
    )

    id: SingleLineText | None = Field(default=None, description="The id of the voice.")
    name: SingleLineText | None = Field(default=None, description="The name of the voice.")

    @model_validator(mode="after")
    def _id_or_name(self) -> Self:
        return reject("needs an id or a name") if self.id is self.name is None else self


# The tags of unions stand in pydantic's locations as if they were members. No member is written
# with angle brackets, so that `problems` can tell them apart.
def _form_of_voice(value: object) -> str:
    return "<object>" if is_object(value) or isinstance(value, ElevenLabsVoice) else "<text>"


class ElevenLabsTts(StrictModel):
    """A voice of ElevenLabs.

    Source: api/actions/speak.html.
    """

    provider: Literal["eleven_labs"] = Field(
        default="eleven_labs", description="Names the provider, in lower case."
    )
    voice: (
        Annotated[
            Annotated[SingleLineText, Tag("<text>")] | Annotated[ElevenLabsVoice, Tag("<object>")],
            Discriminator(_form_of_voice),
        ]
        | None
    ) = Field(default=None, description="The id of the voice; a default one if omitted.")


def _provider(value: object) -> str:
    if is_object(value):
        provider = value.get("provider")
    else:
        provider = value.provider if isinstance(value, AzureTts | ElevenLabsTts) else None
    return f"<{provider}>" if isinstance(provider, str) else "<none>"


Tts = Annotated[
    Annotated[AzureTts, Tag("<azure>")] | Annotated[ElevenLabsTts, Tag("<eleven_labs>")],
    # Pydantic's own message would quote a provider that is none.
    Discriminator(
        _provider,
        custom_error_type="refused",
        custom_error_message="must be an object with a provider: azure or eleven_labs",
    ),
]
"""The voice that speaks, by its provider."""
