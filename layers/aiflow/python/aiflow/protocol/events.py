"""One lenient model for each event type.

Only `type` and `session.id` are required. Unknown members are ignored, and members with an invalid
value count as absent, so that a detail never breaks a live call. Legacy names are still accepted.
"""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    field_validator,
)
from pydantic_core import PydanticUseDefault

from aiflow.errors import InvalidEvent
from aiflow.protocol.types import SessionId, clean

CleanText = Annotated[str, AfterValidator(clean)]
"""Text without control characters (see `clean`); it may be empty."""

Milliseconds = Annotated[float, Field(ge=0, le=2**53)]
"""A duration or a Unix time, limited to integers that a float represents exactly."""

_REQUIRED = frozenset({"id", "session"})


class LenientModel(BaseModel):
    """A frozen model that ignores unknown members, and replaces invalid ones by their default."""

    model_config = ConfigDict(
        frozen=True,
        extra="ignore",
        defer_build=True,
        hide_input_in_errors=True,
        coerce_numbers_to_str=True,
    )

    @field_validator("*", mode="wrap")
    @classmethod
    def _invalid_becomes_default(
        cls, value: object, handler: ValidatorFunctionWrapHandler, info: ValidationInfo
    ) -> object:
        try:
            return handler(value)
        except ValidationError:
            if info.field_name in _REQUIRED:
                raise
            raise PydanticUseDefault from None


class Session(LenientModel):
    """The call session of an event.

    Rely on `id` only, since the other members differ between events. Phone numbers are unchanged:
    with or without `+`, or empty for an anonymous caller.

    Source: api/events.html, "session".
    """

    id: SessionId = Field(
        description="The opaque id of the session; all events of a call have the same id."
    )
    account_id: CleanText | None = Field(default=None, description="The sipgate account.")
    phone_number: CleanText | None = Field(default=None, description="The number of the flow.")
    direction: Literal["inbound", "outbound"] | None = Field(
        default=None, description="Who started the call."
    )
    from_phone_number: CleanText | None = Field(
        default=None, description="The number of the calling party; empty if anonymous."
    )
    to_phone_number: CleanText | None = Field(
        default=None, description="The number of the called party."
    )


class _Event(LenientModel):
    session: Session = Field(description="The call session.")


class SessionStart(_Event):
    """A call starts, or continues with the same session id after a failed transfer.

    Source: api/events/session-start.html.
    """

    type: Literal["session_start"] = "session_start"


class UserSpeechStarted(_Event):
    """The caller starts to speak. Sent over WebSocket only; the service ignores an answer.

    Source: api/events/user-speech-started.html.
    """

    type: Literal["user_speech_started"] = "user_speech_started"


class UserSpeak(_Event):
    """The caller finished a turn, and speech recognition has its text.

    Source: api/events/user-speak.html.
    """

    type: Literal["user_speak"] = "user_speak"
    text: CleanText = Field(default="", description="The recognized text; may be empty.")
    barged_in: bool = Field(
        default=False, description="Whether the caller interrupted the assistant."
    )


class DtmfReceived(_Event):
    """The caller pressed one key.

    Source: api/events/dtmf-received.html.
    """

    type: Literal["dtmf_received"] = "dtmf_received"
    digit: CleanText = Field(default="", description="One of 0-9, * and #; empty if absent.")


class AssistantSpeak(_Event):
    """The assistant started to speak. Some voices never send it.

    Source: api/events/assistant-speak.html.
    """

    type: Literal["assistant_speak"] = "assistant_speak"
    text: CleanText | None = Field(default=None, description="The spoken text.")
    ssml: CleanText | None = Field(default=None, description="The spoken SSML, if any.")
    duration_ms: Milliseconds | None = Field(
        default=None, description="The duration of the speech in milliseconds."
    )
    speech_started_at: Milliseconds | None = Field(
        default=None, description="The start of the speech; Unix time in milliseconds."
    )


class AssistantSpeechEnded(_Event):
    """A playback to the caller has ended.

    Source: api/events/assistant-speech-ended.html.
    """

    type: Literal["assistant_speech_ended"] = "assistant_speech_ended"


class UserInputTimeout(_Event):
    """The caller was silent for the `user_input_timeout_seconds` of the last `speak`.

    Source: api/events/user-input-timeout.html.
    """

    type: Literal["user_input_timeout"] = "user_input_timeout"


class SessionEnd(_Event):
    """The call ended. The service executes no further actions.

    Source: api/events/session-end.html.
    """

    type: Literal["session_end"] = "session_end"


class SmsFailed(_Event):
    """A `send_sms` failed; the call continues.

    Source: api/events.html, which does not list the values of `reason`.
    """

    type: Literal["sms_failed"] = "sms_failed"
    reason: CleanText = Field(default="", description="The reason, as the service words it.")


class UnknownEvent(_Event):
    """An event of an unknown type; it is acknowledged with 204, and is not an error."""

    type: CleanText


type Event = (
    SessionStart
    | UserSpeechStarted
    | UserSpeak
    | DtmfReceived
    | AssistantSpeak
    | AssistantSpeechEnded
    | UserInputTimeout
    | SessionEnd
    | SmsFailed
)
"""All events that handlers get. In a `match` statement, type checkers report missing cases."""

EVENT_TYPES: Mapping[str, type[Event]] = {
    model.model_fields["type"].default: model for model in Event.__value__.__args__
}
"""The model for each value of `type`."""


LEGACY_TYPES: Mapping[str, str] = {"user_barge_in": "user_speak"}
"""The current type for each retired event type; a `user_barge_in` gets `barged_in=True`."""

LEGACY_MEMBERS: Mapping[str, tuple[str, str]] = {
    "user_speak": ("transcript", "text"),
    "dtmf_received": ("digits", "digit"),
}
"""The legacy and the current name of a member, by event type."""


def parse_event(data: Mapping[str, object]) -> Event | UnknownEvent:
    """Parse an event from its JSON object; a null member counts as absent.

    Raises:
        InvalidEvent: `bad_type` (`type` is missing or not a string) or `bad_session` (`session.id`
            is missing or invalid).
    """
    given = {name: value for name, value in data.items() if value is not None}
    name = given.get("type")
    if not isinstance(name, str):
        raise InvalidEvent("bad_type", "An event needs a `type`, and it is a string.")
    if name in LEGACY_TYPES:
        name = LEGACY_TYPES[name]
        given |= {"type": name, "barged_in": True}
    legacy, current = LEGACY_MEMBERS.get(name, ("", ""))
    if legacy in given:
        given.setdefault(current, given[legacy])
    try:
        return EVENT_TYPES.get(name, UnknownEvent).model_validate(given)
    except ValidationError:
        message = (
            "An event needs `session.id`: 1 to 256 characters, none of them a control character."
        )
        raise InvalidEvent("bad_session", message) from None


def legacy_name(data: Mapping[str, object]) -> str | None:
    """Return the legacy type or member name that an event uses; None if it uses none."""
    name = str(data.get("type"))
    if name in LEGACY_TYPES:
        return name
    legacy, current = LEGACY_MEMBERS.get(name, ("", ""))
    is_needed = data.get(current) is None and data.get(legacy) is not None
    return legacy if is_needed else None
