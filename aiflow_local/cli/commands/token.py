"""`aiflow token`."""

import json

import click

from aiflow_local.tokens import Token, new_token

_EPILOG = """\b
Examples:
  aiflow token
  aiflow token --json | jq -r .sha256"""

_WHAT_NOW = """\
1. Give the stack the digest:  sam deploy --parameter-overrides TokenSha256={digest}
2. Give AI Flow the token, beside the webhook URL in the settings of the flow.

Keep the token as you keep a password: it is shown this once and stored nowhere.
To change it while calls are running, deploy the new digest as TokenSha256Next first, then change
the token in AI Flow, then deploy the digest as TokenSha256 and leave TokenSha256Next empty."""


@click.command(epilog=_EPILOG)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, for programs.")
def command(*, as_json: bool) -> None:
    """Make a new API token of 256 bits and its SHA-256, and say where each of them goes."""
    click.echo(_json(new_token()) if as_json else _text(new_token()))


def _json(token: Token) -> str:
    return json.dumps({"token": token.secret, "sha256": token.digest})


def _text(token: Token) -> str:
    lines = f"Token    {token.secret}\nSHA-256  {token.digest}\n\n"
    return lines + _WHAT_NOW.format(digest=token.digest)
