"""Options for behaviour that the documentation of the service leaves open.

Documented behaviour has no option. An agent should work with each value of an option: play its
scenarios with all of them (`aiflow play --set NAME=VALUE`).
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Milliseconds = Annotated[int, Field(ge=0, le=600_000)]


class ServiceOptions(BaseModel):
    """Behaviour of the simulated service."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    transfer: Literal["answered", "busy", "no_answer", "rejected"] = Field(
        default="answered", description="Outcome of a transfer."
    )
    sms: Literal["ok", "failed"] = Field(default="ok", description="Outcome of a text message.")
    second_speak: Literal["queue", "replace"] = Field(
        default="queue",
        description="Whether a speak or audio of a later answer waits for the current playback, or "
        "replaces it.",
    )
    hangup_waits: bool = Field(
        default=False,
        description="Whether hangup and transfer wait for the end of all queued playbacks.",
    )
    speech_ended_after_interruption: bool = Field(
        default=True,
        description="Whether assistant_speech_ended is sent for an interrupted playback, and the "
        "input timeout starts then.",
    )
    assistant_speak: bool = Field(
        default=True, description="Whether assistant_speak is sent; some voices never send it."
    )
    words_during_protected_playback: bool = Field(
        default=True,
        description="Whether words are reported during a playback that they cannot interrupt "
        "(strategy none or manual).",
    )
    keys_cancel_input_timeout: bool = Field(
        default=True, description="Whether a key press cancels a running input timeout."
    )
    failed_requests: Literal["ignore", "repeat", "hangup"] = Field(
        default="ignore",
        description="What follows a request that failed or was answered too late: nothing, the "
        "same request again, or the end of the call.",
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
        description="A later answer is ignored. Over WebSocket: how long the simulator waits for "
        "an answer; a later one is executed on arrival.",
    )
    slow_answer_ms: Milliseconds = Field(
        default=1000, description="A later answer is executed, with a warning."
    )
    quiet_ms: Milliseconds = Field(
        default=300,
        description="Over WebSocket: silence of the bot, in real time, after which virtual time "
        "goes on.",
    )
    words_per_minute: Annotated[int, Field(ge=20, le=1000)] = Field(
        default=150, description="Speaking rate of the agent and the caller."
    )
    end_of_turn_silence_ms: Annotated[int, Field(ge=150, le=2000)] = Field(
        default=500, description="The silence that ends a turn, until `vad` sets another."
    )
    language_restart_ms: Milliseconds = Field(
        default=300, description="Gap in speech recognition after a change of languages."
    )
    provider_restart_ms: Milliseconds = Field(
        default=500, description="Gap in speech recognition after a change of provider."
    )
