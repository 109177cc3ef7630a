"""Command-line options that several commands share."""

import string
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from aiflow_local.errors import LocalError
from aiflow_local.stack.project import TEMPLATE
from aiflow_local.stack.template import Template
from aiflow_local.tokens import Token

_TOKEN_PARAMETER = "TokenSha256"  # noqa: S105 - the name of a parameter
_TRANSFER_PARAMETER = "TransferNumber"
# A number that the German regulator reserves for films and examples.
_TRANSFER_NUMBER = "493023125099"
_VISIBLE = frozenset(string.ascii_letters + string.digits + string.punctuation)

type Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


def token_option(text: str) -> Decorator:
    """Return the option `--token`."""
    return click.option(
        "--token", envvar="AIFLOW_TOKEN", show_envvar=True, callback=_token, help=text
    )


url_option: Decorator = click.option(
    "--url", help="The bot to call, http(s):// or ws(s)://; default: the agent of this project."
)


parameters_option: Decorator = click.option(
    "--parameter",
    "parameters",
    multiple=True,
    metavar="NAME=VALUE",
    help="A parameter of template.yaml; may be repeated.",
)


transport_option: Decorator = click.option(
    "--transport",
    type=click.Choice(["http", "websocket"]),
    help="Call the agent of this project through the emulated API Gateway; default: in process.",
)


def with_transfer_target(project: Path, given: Sequence[str]) -> list[str]:
    """Add a default transfer number to parameters, so that transfers work in local calls.

    Raises:
        TemplateError: The template cannot be read.
    """
    declared = Template(project / TEMPLATE).parameters
    default = (
        [f"{_TRANSFER_PARAMETER}={_TRANSFER_NUMBER}"] if _TRANSFER_PARAMETER in declared else []
    )
    return [*default, *given]


def stack_parameters(project: Path, token: Token, given: Sequence[str]) -> dict[str, str]:
    """Parse `NAME=VALUE` parameters, and add the digest of the token.

    Raises:
        click.UsageError: A parameter is not NAME=VALUE, or is the digest.
        TemplateError: The template cannot be read.
    """
    pairs = [entry.partition("=") for entry in given]
    if bad := next((name for name, equals, _ in pairs if not equals), None):
        raise click.UsageError(f"--parameter {bad}: write it as NAME=VALUE.")
    values = {name: value for name, _, value in pairs}
    if _TOKEN_PARAMETER in values:
        raise click.UsageError(f"--parameter {_TOKEN_PARAMETER}: give the token with --token.")
    if _TOKEN_PARAMETER in Template(project / TEMPLATE).parameters:
        values[_TOKEN_PARAMETER] = token.digest
    return values


def read_all[File](files: Sequence[str], read: Callable[[str], File]) -> list[File]:
    """Read all files; report every file that cannot be read.

    Raises:
        LocalError: A file cannot be read; if several cannot, the others are printed first.
    """
    contents: list[File] = []
    errors: list[LocalError] = []
    for file in files:
        try:
            contents.append(read(file))
        except LocalError as error:
            errors.append(error)
    for other in errors[:-1]:
        click.echo(f"aiflow: {other}", err=True)
    if errors:
        raise errors[-1]
    return contents


def is_valid_token(token: str) -> bool:
    """Return whether a token is a non-empty string of visible ASCII characters."""
    return bool(token) and _VISIBLE.issuperset(token)


def _token(_context: click.Context, _option: click.Parameter, value: str | None) -> str | None:
    if value is not None and not is_valid_token(value):
        raise click.BadParameter("give a non-empty token of visible ASCII characters.")
    return value
