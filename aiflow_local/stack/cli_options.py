"""Options that several commands have."""

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
    "--url", help="Call this bot, http(s):// or ws(s)://; otherwise the agent of this project."
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
    help="Call the agent of this project through its gateway; otherwise there is no socket.",
)


def with_colleague(project: Path, given: Sequence[str]) -> list[str]:
    """Return parameters with somebody to transfer to, so that this can be heard, too.

    Raises:
        TemplateError: the template cannot be read.
    """
    declared = Template(project / TEMPLATE).parameters
    colleague = (
        [f"{_TRANSFER_PARAMETER}={_TRANSFER_NUMBER}"] if _TRANSFER_PARAMETER in declared else []
    )
    return [*colleague, *given]


def stack_parameters(project: Path, token: Token, given: Sequence[str]) -> dict[str, str]:
    """Return the parameters for a template: those given, and the digest of the token.

    Raises:
        click.UsageError: one is not NAME=VALUE, or is the digest itself.
        TemplateError: the template cannot be read.
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


def all_read[File](files: Sequence[str], read: Callable[[str], File]) -> list[File]:
    """Return what is in files; where one cannot be read, tell of each that cannot, and exit."""
    found: list[File] = []
    mistakes: list[LocalError] = []
    for file in files:
        try:
            found.append(read(file))
        except LocalError as error:
            mistakes.append(error)
    for mistake in mistakes[:-1]:
        click.echo(f"aiflow: {mistake}", err=True)
    if mistakes:
        raise mistakes[-1]
    return found


def is_visible(token: str) -> bool:
    """Tell whether a token has visible ASCII characters only, and at least one."""
    return bool(token) and _VISIBLE.issuperset(token)


def _token(_context: click.Context, _option: click.Parameter, value: str | None) -> str | None:
    if value is not None and not is_visible(value):
        raise click.BadParameter("a token has visible ASCII characters only, and at least one.")
    return value
