"""What a command line says about a call: the switches of the phone, and who calls whom."""

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
    """Return the switches that are given, each as `NAME=VALUE`; the others as they are by default.

    Raises:
        click.UsageError: one is unknown, or has no such value.
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
    """Return the digits of a telephone number; none for `anonymous`.

    Raises:
        click.BadParameter: it is no telephone number.
    """
    if value is None or (option.name == "caller" and value in {"", "anonymous"}):
        return value and ""
    digits = value.translate(_SEPARATORS).removeprefix("+")
    if not digits or not set(string.digits).issuperset(digits) or len(digits) > _MAX_DIGITS:
        raise click.BadParameter(f"{value} is no telephone number: 1 to 15 digits, + before them.")
    return digits


def session_id_of(
    _context: click.Context, _option: click.Parameter, value: str | None
) -> str | None:
    """Return a session id.

    Raises:
        click.BadParameter: it is none.
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
        return f"there is no such switch; did you mean {close[0]}?"
    return f"there is no such switch, only {', '.join(ServiceOptions.model_fields)}."


def _explained(error: ValidationError, values: Mapping[str, str]) -> str:
    details = error.errors(include_url=False)[0]
    name = str(details["loc"][0])
    return f"--set {name}={values[name]}: {details['msg'].replace('Input should', 'must', 1)}."
