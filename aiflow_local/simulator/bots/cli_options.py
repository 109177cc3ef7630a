"""Parses the command-line options of a call."""

import string
from collections.abc import Mapping, Sequence
from difflib import get_close_matches

import click
from pydantic import TypeAdapter, ValidationError

from aiflow.protocol.types import SessionId
from aiflow_local.simulator.engine.options import ServiceOptions

_SEPARATORS = dict.fromkeys(map(ord, " -/()."))
_MAX_DIGITS = 15


def parse_service_options(given: Sequence[str]) -> ServiceOptions:
    """Return the service options that are given as `NAME=VALUE`; others have their default.

    Raises:
        click.UsageError: an option is unknown, or has no such value.
    """
    values: dict[str, str] = {}
    for entry in given:
        name, equals, value = entry.partition("=")
        if not equals:
            raise click.UsageError(f"--set {entry}: write it as NAME=VALUE.")
        values[name] = value
    if unknown := next((name for name in values if name not in ServiceOptions.model_fields), None):
        raise click.UsageError(f"--set {unknown}: {_known(unknown)}")
    try:
        return ServiceOptions.model_validate(values)
    except ValidationError as error:
        raise click.UsageError(_explained(error, values)) from None


def parse_phone_number(
    _context: click.Context, option: click.Parameter, value: str | None
) -> str | None:
    """Return the digits of a phone number; an empty text for `anonymous`.

    Raises:
        click.BadParameter: the value is not a phone number.
    """
    if value is None or (option.name == "caller" and value in {"", "anonymous"}):
        return value and ""
    digits = value.translate(_SEPARATORS).removeprefix("+")
    if not digits or not set(string.digits).issuperset(digits) or len(digits) > _MAX_DIGITS:
        raise click.BadParameter(
            f"{value} is not a phone number: give 1 to 15 digits, with or without +."
        )
    return digits


def session_id_of(
    _context: click.Context, _option: click.Parameter, value: str | None
) -> str | None:
    """Return a valid session id.

    Raises:
        click.BadParameter: the value is not valid.
    """
    if value is None:
        return None
    try:
        return TypeAdapter[str](SessionId).validate_python(value)
    except ValidationError as error:
        raise click.BadParameter(error.errors()[0]["msg"]) from None


def _known(unknown: str) -> str:
    close = get_close_matches(unknown, ServiceOptions.model_fields, n=1)
    if close:
        return f"no such option; did you mean {close[0]}?"
    return f"no such option; use one of {', '.join(ServiceOptions.model_fields)}."


def _explained(error: ValidationError, values: Mapping[str, str]) -> str:
    details = error.errors(include_url=False)[0]
    name = str(details["loc"][0])
    return f"--set {name}={values[name]}: {details['msg'].replace('Input should', 'must', 1)}."
