"""What the service leaves open, and how this phone decides it: each a switch with both sides built.

The documented behaviour has no switch. Where sources differ or are silent, an agent should work
either way: play its scenarios with the switches on both sides (`aiflow play --set NAME=VALUE`).
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Milliseconds = Annotated[int, Field(ge=0, le=600_000)]


class ServiceOptions(BaseModel):
    """How this phone behaves."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    transfer: Literal["answered", "busy", "no_answer", "rejected"] = Field(
        default="answered", description="What becomes of a transfer."
    )
    sms: Literal["ok", "failed"] = Field(
        default="ok", description="What becomes of a text message."
    )
    second_speak: Literal["queue", "replace"] = Field(
        default="queue",
        description="What a speak or audio of a later answer does to one that is still playing.",
    )
    hangup_waits: bool = Field(
        default=False,
        description="Whether hangup and transfer wait for the end of what is playing or queued.",
    )
    speech_ended_after_interruption: bool = Field(
        default=True,
        description="Whether assistant_speech_ended is sent for a playback that was cut short, and "
        "the input timeout counted from then.",
    )
    assistant_speak: bool = Field(
        default=True, description="Whether assistant_speak is sent; some voices never do."
    )
    words_during_protected_playback: bool = Field(
        default=True,
        description="Whether words that may not interrupt (strategy none or manual) are reported.",
    )
    keys_cancel_input_timeout: bool = Field(
        default=True, description="Whether a key press cancels a running input timeout."
    )
    failed_requests: Literal["ignore", "repeat", "hangup"] = Field(
        default="ignore",
        description="What follows a request that failed, or was answered too late: nothing, the "
        "same request once more, or the end of the call.",
    )
    dropped_connection: Literal["reconnect", "hangup"] = Field(
        default="reconnect",
        description="What follows when a bot closes its WebSocket in a call: a new connection for "
        "the next event, or the end of the call.",
    )
    session_end_after_transfer: bool = Field(
        default=False, description="Whether session_end follows a transfer that was answered."
    )
    session_members: Literal["all", "id"] = Field(
        default="all", description="Which members session has: all six, or only id."
    )
    numbers: Literal["plain", "plus"] = Field(
        default="plain", description="Whether numbers in session begin with +."
    )
    answer_deadline_ms: Milliseconds = Field(
        default=5000,
        description="A later answer is not obeyed any more. Over WebSocket: how long an answer is "
        "waited for; a later one is obeyed when it comes.",
    )
    slow_answer_ms: Milliseconds = Field(
        default=1000, description="A later answer is obeyed, but warned about."
    )
    quiet_ms: Milliseconds = Field(
        default=300,
        description="Over WebSocket: how long nothing must have come, in real time, for virtual "
        "time to go on.",
    )
    words_per_minute: Annotated[int, Field(ge=20, le=1000)] = Field(
        default=150, description="How fast the agent and the caller speak."
    )
    end_of_turn_silence_ms: Annotated[int, Field(ge=150, le=2000)] = Field(
        default=500, description="The silence that ends a turn, until `vad` sets another."
    )
    language_restart_ms: Milliseconds = Field(
        default=300, description="How long nobody listens after a change of languages."
    )
    provider_restart_ms: Milliseconds = Field(
        default=500, description="How long nobody listens after a change of provider."
    )
