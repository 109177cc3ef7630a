"""The settings of a stack: the only module that reads the environment."""

import os
from collections.abc import Mapping
from hashlib import sha256
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
)
from pydantic_core import PydanticCustomError

from aiflow.errors import SettingsError
from aiflow.protocol.types import E164, NonBlankText

AGENT_PREFIX = "AGENT_"
_DIGEST_OF_NOTHING = sha256().digest()


def digest_from(value: str) -> bytes:
    """Decode the SHA-256 digest of a token.

    Raises:
        PydanticCustomError: it is not a digest, or that of an empty token; a `ValueError`.
    """
    try:
        digest = bytes.fromhex(value)
    except ValueError:
        digest = b""
    if len(digest) != sha256().digest_size or digest == _DIGEST_OF_NOTHING:
        message = (
            "must be the SHA-256 of the API token: 64 hexadecimal digits, as `aiflow token` prints"
        )
        raise PydanticCustomError("bad_digest", message)
    return digest


def _split(value: object) -> object:
    return frozenset(value.replace(",", " ").split()) if isinstance(value, str) else value


def _at_most_half_the_ttl(value: int, info: ValidationInfo) -> int:
    if value > info.data.get("session_ttl_seconds", value * 2) / 2:
        raise PydanticCustomError("too_long", "must be at most half of SESSION_TTL_SECONDS")
    return value


Digest = Annotated[bytes, BeforeValidator(digest_from)]
HeaderName = Annotated[str, AfterValidator(str.lower)]
Country = Annotated[str, AfterValidator(str.upper), Field(pattern="^[A-Za-z]{2}$")]
Names = Annotated[frozenset[str], BeforeValidator(_split)]
Countries = Annotated[frozenset[Country], BeforeValidator(_split)]
Numbers = Annotated[frozenset[E164], BeforeValidator(_split)]


class Settings(BaseModel):
    """The settings, each by its environment variable; an empty variable counts as not set."""

    # Built on first use, which is start-up on Lambda and may be never elsewhere.
    model_config = ConfigDict(
        frozen=True, defer_build=True, hide_input_in_errors=True, validate_by_name=True
    )

    # Authentication.
    token_digest: Digest = Field(
        alias="API_TOKEN_SHA256",
        description="SHA-256 of the API token, hexadecimal. The token itself is not stored.",
    )
    next_token_digest: Digest | None = Field(
        None,
        alias="API_TOKEN_SHA256_NEXT",
        description="A second digest that is accepted while a token is rotated.",
    )
    token_header: HeaderName = Field(
        "x-api-token",
        alias="API_TOKEN_HEADER",
        description="The request header that carries the API token.",
    )
    allowed_account_ids: Names = Field(
        frozenset(),
        alias="ALLOWED_ACCOUNT_IDS",
        description="The sipgate accounts that are served; empty serves all.",
    )

    # Stored state.
    sessions_table: str = Field(
        alias="SESSIONS_TABLE", description="The DynamoDB table that stores the calls."
    )
    session_ttl_seconds: int = Field(
        86_400,
        ge=3600,
        le=31_536_000,
        alias="SESSION_TTL_SECONDS",
        description="How long a call is stored after its last event, in seconds.",
    )
    store_transcripts: Literal["enabled", "disabled"] = Field(
        "enabled",
        alias="STORE_TRANSCRIPTS",
        description="`disabled` stores nothing that the caller or the agent said.",
    )
    abandoned_after_seconds: Annotated[int, AfterValidator(_at_most_half_the_ttl)] = Field(
        1800,
        ge=300,
        le=86_400,
        alias="ABANDONED_AFTER_SECONDS",
        description="Seconds without an event after which the sweeper closes a call.",
    )

    # Time and messages.
    answer_deadline_seconds: float = Field(
        4,
        ge=0.5,
        le=25,
        alias="ANSWER_DEADLINE_SECONDS",
        description="Seconds until the caller has an answer; a handler has 0.3 s less.",
    )
    input_timeout_seconds: float = Field(
        8,
        ge=1,
        le=120,
        alias="INPUT_TIMEOUT_SECONDS",
        description="Fallback input timeout, in seconds.",
    )
    filler_after_seconds: float = Field(
        0.9,
        ge=0,
        le=10,
        alias="FILLER_AFTER_SECONDS",
        description="Seconds until a caller over a WebSocket hears the filler; 0 disables it.",
    )
    filler_message: NonBlankText = Field(
        "One moment, please.",
        alias="FILLER_MESSAGE",
        description="The filler: spoken while the answer takes time.",
    )
    apology_message: NonBlankText = Field(
        "Sorry, something went wrong. Please say that again.",
        alias="APOLOGY_MESSAGE",
        description="Spoken when an answer failed.",
    )
    failure_message: NonBlankText = Field(
        "I am sorry, we have a technical problem.",
        alias="FAILURE_MESSAGE",
        description="Spoken instead of the third apology in a row; then the call ends or goes to"
        " the fallback number.",
    )
    fallback_number: E164 | None = Field(
        None,
        alias="FALLBACK_NUMBER",
        description="Where a caller is transferred when three answers in a row have failed.",
    )

    # Spending policy and call limits.
    billable_actions: Literal["enabled", "disabled"] = Field(
        "enabled",
        alias="BILLABLE_ACTIONS",
        description="`disabled` blocks every `transfer` and `send_sms`: the kill switch.",
    )
    allowed_countries: Countries = Field(
        frozenset(),
        alias="ALLOWED_COUNTRIES",
        description="Countries that may be called and texted, as ISO 3166 codes; empty is the"
        " country of the number that was called.",
    )
    allowed_numbers: Numbers = Field(
        frozenset(),
        alias="ALLOWED_NUMBERS",
        description="Numbers that may be called and texted in any case.",
    )
    sms_recipients: Literal["caller", "anyone"] = Field(
        "caller",
        alias="SMS_RECIPIENTS",
        description="`caller` allows text messages to the caller only, `anyone` to every mobile"
        " number in the allowed countries.",
    )
    max_sms: int = Field(
        2,
        ge=0,
        le=30,
        alias="MAX_SMS",
        description="Text messages per call, including those that fail.",
    )
    max_transfers: int = Field(
        3,
        ge=0,
        le=30,
        alias="MAX_TRANSFERS",
        description="Transfers per call, including those that fail.",
    )
    max_turns: int = Field(
        200,
        ge=1,
        le=10_000,
        alias="MAX_TURNS",
        description="Turns of the caller per call; then the limit message ends the call.",
    )
    max_minutes: int = Field(
        60,
        ge=1,
        le=1440,
        alias="MAX_MINUTES",
        description="Minutes per call from its first event; then the limit message ends the call.",
    )
    limit_message: NonBlankText = Field(
        "We have to end our call here. Thank you for calling, and goodbye.",
        alias="LIMIT_MESSAGE",
        description="Spoken before the agent hangs up because a call limit is exceeded.",
    )
    blocked_message: NonBlankText = Field(
        "I am sorry, I cannot do that.",
        alias="BLOCKED_MESSAGE",
        description="Spoken when an action was blocked and nothing else is said.",
    )

    # The platform.
    websocket_endpoint: str | None = Field(
        None,
        alias="AWS_ENDPOINT_URL_APIGATEWAYMANAGEMENTAPI",
        description="Where answers over a WebSocket are sent: `https://...` with the stage."
        " botocore reads it, too.",
    )
    service_name: str = Field(
        "aiflow", alias="POWERTOOLS_SERVICE_NAME", description="Names the stack in logs."
    )
    metrics_namespace: str = Field(
        "AiFlow",
        alias="POWERTOOLS_METRICS_NAMESPACE",
        description="The CloudWatch namespace of the metrics.",
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", alias="POWERTOOLS_LOG_LEVEL", description="Less severe messages are not logged."
    )
    agent: Mapping[str, str] = Field(
        default_factory=dict,
        description="All variables named AGENT_*, for handlers: `call.config`.",
    )

    @property
    def token_digests(self) -> tuple[bytes, ...]:
        """The digests of all accepted tokens."""
        return tuple(
            digest for digest in (self.token_digest, self.next_token_digest) if digest is not None
        )

    @property
    def stores_transcripts(self) -> bool:
        """Whether what was said is stored with the call."""
        return self.store_transcripts == "enabled"

    @property
    def fingerprint_key(self) -> bytes:
        """The key of fingerprints where transcripts are not stored; it is not in the table."""
        return b"" if self.stores_transcripts else self.token_digest

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Self:
        """Read the settings.

        Raises:
            SettingsError: variables are missing or invalid; the message names all of them, without
                their values.
        """
        given = {name: value for name, value in environment.items() if value.strip()}
        agent = {
            name.removeprefix(AGENT_PREFIX).lower(): value
            for name, value in given.items()
            if name.startswith(AGENT_PREFIX)
        }
        # By alias only: a foreign variable may have the name of a field.
        known = {field.alias for field in cls.model_fields.values()}
        values: dict[str, Any] = {name: given[name] for name in given.keys() & known}
        values["agent"] = agent
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            problems = "; ".join(
                f"{details['loc'][0]}: {details['msg']}"
                for details in error.errors(include_input=False)
            )
            raise SettingsError(
                f"The environment is not complete. {problems}. See docs/settings.md."
            ) from error


def on_lambda(environment: Mapping[str, str] = os.environ) -> bool:
    """Tell whether this process is a Lambda function."""
    return "AWS_LAMBDA_RUNTIME_API" in environment
