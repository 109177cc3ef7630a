"""What AI Flow tells us: one model per event type, lenient on purpose.

Only `type` and `session.id` are needed. Members that we do not know are ignored, and members of an
odd type count as absent, so that a live call never hangs on a detail. Names that earlier
generations of the service used are still understood.
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
"""Text from outside, cleaned of what no store takes; it may be empty."""

Milliseconds = Annotated[float, Field(ge=0, le=2**53)]
"""A length or a Unix time; what is beyond is neither, and no table takes 300 digits."""

_NEEDED = frozenset({"id", "session"})


class _Lenient(BaseModel):
    """Frozen; ignores what it does not know; an own member that cannot be read counts as absent."""

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
            if info.field_name in _NEEDED:
                raise
            raise PydanticUseDefault from None


class Session(_Lenient):
    """The call session that every event belongs to.

    Which members arrive with which event differs: need nothing but `id`. Numbers are kept as they
    came, with or without `+`, or empty (an anonymous caller).

    Source: api/events.html, "session".
    """

    id: SessionId = Field(
        description="Opaque id of the session; the same for all events of a call."
    )
    account_id: CleanText | None = Field(default=None, description="The sipgate account.")
    phone_number: CleanText | None = Field(
        default=None, description="The number of this flow session."
    )
    direction: Literal["inbound", "outbound"] | None = Field(
        default=None, description="Who started the call."
    )
    from_phone_number: CleanText | None = Field(
        default=None, description="The calling party; empty when anonymous."
    )
    to_phone_number: CleanText | None = Field(default=None, description="The called party.")


class _Event(_Lenient):
    session: Session = Field(description="The call session.")


class SessionStart(_Event):
    """A call session begins; or comes back, with the same session id, after a transfer that failed.

    Source: api/events/session-start.html.
    """

    type: Literal["session_start"] = "session_start"


class UserSpeechStarted(_Event):
    """The caller's voice is heard, before there are words. WebSocket only; an answer is ignored.

    Source: api/events/user-speech-started.html.
    """

    type: Literal["user_speech_started"] = "user_speech_started"


class UserSpeak(_Event):
    """The caller said something and speech recognition finished the turn.

    Source: api/events/user-speak.html.
    """

    type: Literal["user_speak"] = "user_speak"
    text: CleanText = Field(default="", description="The words; empty when there were none.")
    barged_in: bool = Field(
        default=False, description="True when the caller interrupted the assistant."
    )


class DtmfReceived(_Event):
    """The caller pressed one key.

    Source: api/events/dtmf-received.html.
    """

    type: Literal["dtmf_received"] = "dtmf_received"
    digit: CleanText = Field(default="", description="One of 0-9, * and #; empty when absent.")


class AssistantSpeak(_Event):
    """The assistant began to speak. Some voices never send it.

    Source: api/events/assistant-speak.html.
    """

    type: Literal["assistant_speak"] = "assistant_speak"
    text: CleanText | None = Field(default=None, description="What is spoken.")
    ssml: CleanText | None = Field(default=None, description="The SSML that is spoken, if any.")
    duration_ms: Milliseconds | None = Field(
        default=None, description="Length of the speech in milliseconds."
    )
    speech_started_at: Milliseconds | None = Field(
        default=None, description="Unix time of its begin in milliseconds."
    )


class AssistantSpeechEnded(_Event):
    """What the assistant played to the caller has ended.

    Source: api/events/assistant-speech-ended.html.
    """

    type: Literal["assistant_speech_ended"] = "assistant_speech_ended"


class UserInputTimeout(_Event):
    """The caller said nothing for the `user_input_timeout_seconds` of the last `speak`.

    Source: api/events/user-input-timeout.html.
    """

    type: Literal["user_input_timeout"] = "user_input_timeout"


class SessionEnd(_Event):
    """The call session ended. Nothing that is answered is obeyed any more.

    Source: api/events/session-end.html.
    """

    type: Literal["session_end"] = "session_end"


class SmsFailed(_Event):
    """A `send_sms` failed; the call goes on.

    Source: api/events.html; its `reason` has no published values.
    """

    type: Literal["sms_failed"] = "sms_failed"
    reason: CleanText = Field(default="", description="Why, in the words of the service.")


class UnknownEvent(_Event):
    """An event of a type that this version does not know: acknowledged with 204, never an error."""

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
"""Every event that reaches a handler. Use one `match`: type checkers see a missing case."""

EVENT_TYPES: Mapping[str, type[Event]] = {
    model.model_fields["type"].default: model for model in Event.__value__.__args__
}
"""From the name on the wire to its model."""


LEGACY_TYPES: Mapping[str, str] = {"user_barge_in": "user_speak"}
"""Of retired event types, what they are now; a `user_barge_in` has `barged_in=True`."""

LEGACY_MEMBERS: Mapping[str, tuple[str, str]] = {
    "user_speak": ("transcript", "text"),
    "dtmf_received": ("digits", "digit"),
}
"""Of event types, the older and the current name of a member."""


def parse_event(data: Mapping[str, object]) -> Event | UnknownEvent:
    """Read an event from its JSON object; a member that is null counts as absent.

    Raises:
        InvalidEvent: `bad_type` (no `type`, or not a string) or `bad_session` (no usable
            `session.id`).
    """
    given = {name: value for name, value in data.items() if value is not None}
    name = given.get("type")
    if not isinstance(name, str):
        raise InvalidEvent("bad_type", "An event needs a `type`, and it is a string.")
    if name in LEGACY_TYPES:
        name = LEGACY_TYPES[name]
        given |= {"type": name, "barged_in": True}
    older, current = LEGACY_MEMBERS.get(name, ("", ""))
    if older in given:
        given.setdefault(current, given[older])
    try:
        return EVENT_TYPES.get(name, UnknownEvent).model_validate(given)
    except ValidationError:
        message = (
            "An event needs `session.id`: 1 to 256 characters, none of them a control character."
        )
        raise InvalidEvent("bad_session", message) from None


def legacy_name(data: Mapping[str, object]) -> str | None:
    """Return the older name, of its type or of a member, that an event is read by."""
    name = str(data.get("type"))
    if name in LEGACY_TYPES:
        return name
    older, current = LEGACY_MEMBERS.get(name, ("", ""))
    is_needed = data.get(current) is None and data.get(older) is not None
    return older if is_needed else None
