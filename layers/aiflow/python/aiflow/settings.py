"""The settings: the one place that reads the environment, into one frozen model."""

import os
from collections.abc import Mapping
from hashlib import sha256
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError, ValidationInfo
from pydantic_core import PydanticCustomError

from aiflow.errors import SettingsError
from aiflow.limits import Limits, names
from aiflow.protocol.types import NonBlankText

AGENT_PREFIX = "AGENT_"
_DIGEST_OF_NOTHING = sha256().digest()


def digest_from(value: str) -> bytes:
    """Read the digest of a token.

    Raises:
        PydanticCustomError: it is none, or that of nothing; a `ValueError`.
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


def _within_ttl(value: int, info: ValidationInfo) -> int:
    if value > info.data.get("session_ttl_seconds", value * 2) / 2:
        raise PydanticCustomError("too_long", "must be at most half of SESSION_TTL_SECONDS")
    return value


Digest = Annotated[bytes, BeforeValidator(digest_from)]
HeaderName = Annotated[str, AfterValidator(str.lower)]


class Settings(Limits):
    """What an operator decides, each by its environment variable; an empty one is not set."""

    token_digest: Digest = Field(
        alias="API_TOKEN_SHA256",
        description="SHA-256 of the API token, hexadecimal. The token itself is kept nowhere.",
    )
    next_token_digest: Digest | None = Field(
        None,
        alias="API_TOKEN_SHA256_NEXT",
        description="A second digest that is accepted while a token is changed.",
    )
    token_header: HeaderName = Field(
        "x-api-token",
        alias="API_TOKEN_HEADER",
        description="The request header that carries the API token.",
    )
    sessions_table: str = Field(
        alias="SESSIONS_TABLE", description="The DynamoDB table that keeps the calls."
    )
    session_ttl_seconds: int = Field(
        86_400,
        ge=3600,
        le=31_536_000,
        alias="SESSION_TTL_SECONDS",
        description="How long a call is kept after its last event.",
    )
    store_transcripts: Literal["enabled", "disabled"] = Field(
        "enabled",
        alias="STORE_TRANSCRIPTS",
        description="`disabled` writes no word of the caller or of the agent to the table.",
    )
    abandoned_after_seconds: Annotated[int, AfterValidator(_within_ttl)] = Field(
        1800,
        ge=300,
        le=86_400,
        alias="ABANDONED_AFTER_SECONDS",
        description="How long a call may be quiet before the sweeper closes it.",
    )
    answer_deadline_seconds: float = Field(
        4,
        ge=0.5,
        le=25,
        alias="ANSWER_DEADLINE_SECONDS",
        description="Within how long the caller is answered; a handler has 0.3 s less.",
    )
    filler_after_seconds: float = Field(
        0.9,
        ge=0,
        le=10,
        alias="FILLER_AFTER_SECONDS",
        description="How long a caller over a WebSocket waits for an answer before the filler is"
        " said; 0 says none.",
    )
    filler_message: NonBlankText = Field(
        "One moment, please.",
        alias="FILLER_MESSAGE",
        description="What the caller hears while the answer takes its time.",
    )
    input_timeout_seconds: float = Field(
        8,
        ge=1,
        le=120,
        alias="INPUT_TIMEOUT_SECONDS",
        description="Silence after which `user_input_timeout` comes to our rescue.",
    )
    apology_message: NonBlankText = Field(
        "Sorry, something went wrong. Please say that again.",
        alias="APOLOGY_MESSAGE",
        description="What the caller hears when an answer failed.",
    )
    failure_message: NonBlankText = Field(
        "I am sorry, we have a technical problem.",
        alias="FAILURE_MESSAGE",
        description="What the caller hears instead when three in a row have failed; then the call"
        " ends, or goes to the fallback number.",
    )
    allowed_account_ids: Annotated[frozenset[str], BeforeValidator(names)] = Field(
        frozenset(),
        alias="ALLOWED_ACCOUNT_IDS",
        description="The sipgate accounts that are served; empty serves all.",
    )
    websocket_endpoint: str | None = Field(
        None,
        alias="AWS_ENDPOINT_URL_APIGATEWAYMANAGEMENTAPI",
        description="Where answers to a WebSocket are sent: `https://...`, stage included. Read by"
        " botocore, too.",
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
        "INFO", alias="POWERTOOLS_LOG_LEVEL", description="What is less than this is not logged."
    )
    agent: Mapping[str, str] = Field(
        default_factory=dict,
        description="All variables named AGENT_*, for handlers: `call.config`.",
    )

    @property
    def token_digests(self) -> tuple[bytes, ...]:
        """The digests of all tokens that are accepted."""
        return tuple(
            digest for digest in (self.token_digest, self.next_token_digest) if digest is not None
        )

    @property
    def stores_transcripts(self) -> bool:
        """Whether what was said is kept with the call."""
        return self.store_transcripts == "enabled"

    @property
    def fingerprint_key(self) -> bytes:
        """What keys the fingerprints of words that are not kept; who reads the table has it not."""
        return b"" if self.stores_transcripts else self.token_digest

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Self:
        """Read the settings.

        Raises:
            SettingsError: a variable is missing or cannot be used; all of them are named, without
                their values.
        """
        given = {name: value for name, value in environment.items() if value.strip()}
        agent = {
            name.removeprefix(AGENT_PREFIX).lower(): value
            for name, value in given.items()
            if name.startswith(AGENT_PREFIX)
        }
        # By their variables only: a variable may well be called what a member is called here.
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
