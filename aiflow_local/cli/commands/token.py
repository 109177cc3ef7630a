"""`aiflow token`."""

import json

import click

from aiflow_local.tokens import Token, new_token

_EPILOG = """\b
Examples:
  aiflow token
  aiflow token --json | jq -r .sha256"""

_NEXT_STEPS = """\
1. Deploy the digest:  sam deploy --parameter-overrides TokenSha256={digest}
2. Enter the token in AI Flow, beside the webhook URL in the settings of the flow.

Store the token like a password: it is shown only once and not saved anywhere.
To replace a token without rejecting calls, use `aiflow rotate begin` instead."""


@click.command(epilog=_EPILOG)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(*, as_json: bool) -> None:
    """Generate an API token of 256 bits and its SHA-256, and show where to enter them."""
    click.echo(_json(new_token()) if as_json else _text(new_token()))


def _json(token: Token) -> str:
    return json.dumps({"token": token.secret, "sha256": token.digest})


def _text(token: Token) -> str:
    lines = f"Token    {token.secret}\nSHA-256  {token.digest}\n\n"
    return lines + _NEXT_STEPS.format(digest=token.digest)
