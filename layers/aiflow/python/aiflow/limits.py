"""Limits: what an operator lets a call cost. They hold in code, whatever a model says."""

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from aiflow.protocol.types import E164, NonBlankText


def names(value: object) -> object:
    """Read a list that is separated by commas or blanks."""
    return frozenset(value.replace(",", " ").split()) if isinstance(value, str) else value


Country = Annotated[str, AfterValidator(str.upper), Field(pattern="^[A-Za-z]{2}$")]


class Limits(BaseModel):
    """Who may be called and texted, and how much of it."""

    # Built when it is read: of this one and the settings that go on from it, only those are.
    model_config = ConfigDict(
        frozen=True, defer_build=True, hide_input_in_errors=True, validate_by_name=True
    )

    billable_actions: Literal["enabled", "disabled"] = Field(
        "enabled",
        alias="BILLABLE_ACTIONS",
        description="`disabled` lets no `transfer` and no `send_sms` leave: the kill switch.",
    )
    allowed_countries: Annotated[frozenset[Country], BeforeValidator(names)] = Field(
        frozenset(),
        alias="ALLOWED_COUNTRIES",
        description="Where transfers and messages may go, as ISO 3166 codes; empty is the country"
        " of the number that the call came in on.",
    )
    allowed_numbers: Annotated[frozenset[E164], BeforeValidator(names)] = Field(
        frozenset(),
        alias="ALLOWED_NUMBERS",
        description="Numbers that may be reached whatever they are.",
    )
    sms_recipients: Literal["caller", "anyone"] = Field(
        "caller",
        alias="SMS_RECIPIENTS",
        description="`caller` texts nobody else, `anyone` texts every mobile number that is in"
        " the allowed countries.",
    )
    max_sms: int = Field(
        2, ge=0, le=30, alias="MAX_SMS", description="Messages in a call, those that fail included."
    )
    max_transfers: int = Field(
        3,
        ge=0,
        le=30,
        alias="MAX_TRANSFERS",
        description="Transfers in a call, those that fail included.",
    )
    max_turns: int = Field(
        200,
        ge=1,
        le=10_000,
        alias="MAX_TURNS",
        description="How often a caller is answered; then the goodbye is said.",
    )
    max_minutes: int = Field(
        60,
        ge=1,
        le=1440,
        alias="MAX_MINUTES",
        description="How long a call lasts, from its first event on; then the goodbye is said.",
    )
    limit_message: NonBlankText = Field(
        "We have to end our call here. Thank you for calling, and goodbye.",
        alias="LIMIT_MESSAGE",
        description="What the caller hears before the agent hangs up, when a cap is reached.",
    )
    fallback_number: E164 | None = Field(
        None,
        alias="FALLBACK_NUMBER",
        description="Where a caller is transferred when three answers in a row have failed.",
    )
    blocked_message: NonBlankText = Field(
        "I am sorry, I cannot do that.",
        alias="BLOCKED_MESSAGE",
        description="What the caller hears when an action was blocked and nothing else is said.",
    )
