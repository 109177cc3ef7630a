"""`aiflow doctor`."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Unpack

import click

from aiflow_local.ops.aws_target import AwsTarget, AwsTargetOptions, aws_target_options
from aiflow_local.ops.doctor.check_result import CheckResult, CheckStatus
from aiflow_local.ops.doctor.checks import CheckRunner
from aiflow_local.ops.doctor.token import find_token

_COLOURS = {
    CheckStatus.OK: "green",
    CheckStatus.WARNING: "yellow",
    CheckStatus.FAILED: "red",
    CheckStatus.NOT_RUN: "bright_black",
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
The session id of a test call begins with aiflow-doctor-, and its phone numbers are fictitious. It
reaches your handlers like any call. The token comes from AIFLOW_TOKEN, a file or a prompt. The
command also sends a wrong token once to each endpoint, which counts as AuthFailed.
\b
Exit codes: 0 nothing failed, 1 a check failed or no check could run, 2 invalid command line or
unreadable file. A check that could not run is reported as `not run`, never as ok."""


class _Options(AwsTargetOptions):
    before: bool
    after: bool
    local: bool
    url: str | None
    websocket_url: str | None
    token_file: Path | None
    as_json: bool


@click.command(epilog=_EPILOG)
@click.option("--before", is_flag=True, help="Check the prerequisites only.")
@click.option("--after", is_flag=True, help="Check the deployed stack only.")
@click.option(
    "--local", is_flag=True, help=f"Only call `aiflow serve`, at {_LOCAL_URL} or at --url."
)
@click.option("--url", help="Only call this webhook (and the WebSocket, if given).")
@click.option("--websocket-url", metavar="URL", help="Only call this WebSocket (and --url).")
@click.option(
    "--token-file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="A file with the API token; default: AIFLOW_TOKEN, or a prompt.",
)
@aws_target_options
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_context
def command(context: click.Context, **options: Unpack[_Options]) -> None:
    """Check the prerequisites of a deployment, the deployed stack, and a test call to it."""
    if sum(map(bool, (options["before"], options["after"], _is_call(options)))) > 1:
        raise click.UsageError(
            "Give only one of --before, --after, and a call (--local, --url, --websocket-url)."
        )
    found: list[CheckResult] = []
    for result in _run_checks(options):
        found.append(result)
        if not options["as_json"]:
            _print(result)
    seen = {result.status for result in found} - {CheckStatus.NOT_RUN}
    is_healthy = bool(seen) and CheckStatus.FAILED not in seen
    if options["as_json"]:
        checks = [result.as_json() for result in found]
        click.echo(json.dumps({"healthy": is_healthy, "checks": checks}))
    context.exit(0 if is_healthy else 1)


def _run_checks(options: _Options) -> Iterator[CheckResult]:
    runner = CheckRunner(AwsTarget(options), lambda: find_token(options["token_file"]))
    if _is_call(options):
        url, websocket_url = options["url"], options["websocket_url"]
        if options["local"]:
            url = url or _LOCAL_URL
            websocket_url = websocket_url or _root(url).replace("http", "ws", 1)
        yield from runner.check_endpoints(url, websocket_url)
        return
    if not options["after"]:
        yield from runner.check_machine(os.environ.get("PATH", ""))
    yield from runner.check_credentials()
    if not options["before"]:
        yield from runner.check_deployment(is_deployed=options["after"])


def _is_call(options: _Options) -> bool:
    return bool(options["local"] or options["url"] or options["websocket_url"])


def _root(url: str) -> str:
    """Return a URL without its path, where `aiflow serve` accepts WebSockets."""
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.partition('/')[0]}"


def _print(result: CheckResult) -> None:
    status = click.style(f"{result.status.value:<8}", _COLOURS[result.status])
    remedy = f" -> {result.remedy}" if result.remedy else ""
    click.echo(f"{status} {result.check}: {result.reason}{remedy}")
