"""`aiflow doctor`."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Unpack

import click

from aiflow_local.ops.aws_target import Place, PlaceOptions, place_options
from aiflow_local.ops.doctor.check_result import Finding, Health
from aiflow_local.ops.doctor.checks import Examination
from aiflow_local.ops.doctor.token import find_token

_COLOURS = {
    Health.OK: "green",
    Health.WARNING: "yellow",
    Health.FAILED: "red",
    Health.NOT_RUN: "bright_black",
}
_LOCAL_URL = "http://127.0.0.1:3000/webhook"
_EPILOG = """\b
Examples:
  aiflow doctor --before
  AIFLOW_TOKEN=... aiflow doctor --config-env prod
  aiflow doctor --token-file token.txt --json
  AIFLOW_TOKEN=secret aiflow serve & AIFLOW_TOKEN=secret aiflow doctor --local
  aiflow doctor --url https://bot.example.com/webhook --websocket-url wss://bot.example.com/live
\b
The test call has an id that begins with aiflow-doctor- and numbers that nobody has. It reaches
your handlers as any call does. The token comes from AIFLOW_TOKEN, a file, or a question. A wrong
token is tried, too, once at each door: it counts as AuthFailed.
\b
Exit codes: 0 nothing failed, 1 something did, or nothing at all could be looked at, 2 what was
asked for cannot be read. What could not be looked at is told as `not run`, never as ok."""


class _Options(PlaceOptions):
    before: bool
    after: bool
    local: bool
    url: str | None
    websocket_url: str | None
    token_file: Path | None
    as_json: bool


@click.command(epilog=_EPILOG)
@click.option("--before", is_flag=True, help="Only what a deployment needs.")
@click.option("--after", is_flag=True, help="Only what is deployed.")
@click.option(
    "--local", is_flag=True, help=f"Only a test call, to `aiflow serve`; {_LOCAL_URL} or --url."
)
@click.option("--url", help="Only a test call, to this webhook.")
@click.option("--websocket-url", metavar="URL", help="And to this WebSocket.")
@click.option(
    "--token-file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="A file with the API token; otherwise AIFLOW_TOKEN, or you are asked.",
)
@place_options
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, for programs.")
@click.pass_context
def command(context: click.Context, **options: Unpack[_Options]) -> None:
    """Check what a deployment needs, what is deployed, and whether it answers a test call."""
    if sum(map(bool, (options["before"], options["after"], _is_call(options)))) > 1:
        raise click.UsageError("--before, --after and a test call alone exclude each other.")
    found: list[Finding] = []
    for finding in _findings(options):
        found.append(finding)
        if not options["as_json"]:
            _print(finding)
    seen = {finding.health for finding in found} - {Health.NOT_RUN}
    is_healthy = bool(seen) and Health.FAILED not in seen
    if options["as_json"]:
        checks = [finding.as_json() for finding in found]
        click.echo(json.dumps({"healthy": is_healthy, "checks": checks}))
    context.exit(0 if is_healthy else 1)


def _findings(options: _Options) -> Iterator[Finding]:
    examination = Examination(Place(options), lambda: find_token(options["token_file"]))
    if _is_call(options):
        url, websocket_url = options["url"], options["websocket_url"]
        if options["local"]:
            url = url or _LOCAL_URL
            websocket_url = websocket_url or _root(url).replace("http", "ws", 1)
        yield from examination.doors(url, websocket_url)
        return
    if not options["after"]:
        yield from examination.before(os.environ.get("PATH", ""))
    yield from examination.account()
    if not options["before"]:
        yield from examination.after(is_deployed=options["after"])


def _is_call(options: _Options) -> bool:
    return bool(options["local"] or options["url"] or options["websocket_url"])


def _root(url: str) -> str:
    """Return a URL without its path: there `aiflow serve` has its WebSocket."""
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.partition('/')[0]}"


def _print(finding: Finding) -> None:
    health = click.style(f"{finding.health.value:<8}", _COLOURS[finding.health])
    remedy = f" -> {finding.remedy}" if finding.remedy else ""
    click.echo(f"{health} {finding.check}: {finding.reason}{remedy}")
