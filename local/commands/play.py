"""`aiflow play`."""

import asyncio
import json
from collections.abc import Callable, Generator
from contextlib import aclosing, contextmanager
from dataclasses import dataclass
from typing import TypedDict, Unpack

import click
from rich.console import Console

from local.options import parameters_option, token_option
from local.scripted.call import Exchange, State, play
from local.scripted.door import HttpDoor
from local.scripted.script import Script, read_script
from local.scripted.transcript import Transcript
from local.tokens import Token, new_token

_EPILOG = """\b
Examples:
  aiflow play events/calls/welcome.jsonl
  aiflow play call.jsonl --url https://bot.example.com/webhook --token secret
  aiflow event session_start | jq -c . | aiflow play - --json
\b
Each line of FILE is an event. An event without "session" gets one, the same for the whole file
and new with each run. Blank lines and lines that begin with # are left out.
\b
Exit codes: 0 fine, 1 an answer breaks the protocol, 2 FILE or URL cannot be read."""


class _Target(TypedDict):
    """Who is called."""

    url: str | None
    token: str | None
    seconds: float
    parameters: tuple[str, ...]


@click.command(epilog=_EPILOG)
@click.argument("file")
@click.option("--url", help="Call this agent; otherwise the one of this project is served.")
@token_option("The API token to send.")
@click.option(
    "--timeout",
    "seconds",
    type=click.FloatRange(min=0, min_open=True),
    default=5,
    show_default=True,
    help="Seconds until an answer must have come.",
)
@parameters_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON line for each event.")
@click.pass_context
def command(context: click.Context, file: str, *, as_json: bool, **target: Unpack[_Target]) -> None:
    """Play the scripted call in FILE, or `-`: post its events, print the conversation.

    Events follow each other at once; for the agent of this project a minute lies between them, by
    a clock that is put forward. What is wrong with an answer is shown where it happens.
    """
    script = read_script(file)
    with _called(target) as called:
        transcript = None if as_json else Transcript(Console(highlight=False), script)
        if transcript:
            transcript.begin(called.url)
        show = transcript.add if transcript else _show_json
        broken = asyncio.run(_play(script, called, show))
        if transcript:
            transcript.end()
    context.exit(1 if broken else 0)


@dataclass(frozen=True)
class _Called:
    """Who is called: the way there, and what else can be done when it is our own agent."""

    url: str
    door: HttpDoor
    look: Callable[[str], State] = lambda _: {}
    pause: Callable[[], None] = lambda: None


@contextmanager
def _called(target: _Target) -> Generator[_Called]:
    url, token, seconds = target["url"], target["token"], target["seconds"]
    if url is not None:
        if target["parameters"]:
            raise click.UsageError("--parameter is for the agent of this project, not for --url.")
        yield _Called(url, HttpDoor(url, token, seconds))
        return
    # A call to a URL need not wait for what serves an agent.
    from local.scripted.own_agent import serve_own_agent  # noqa: PLC0415 - loads for a second

    secret = Token(token) if token else new_token()
    with serve_own_agent(secret, target["parameters"], _complain) as own:
        door = HttpDoor(own.url, secret.secret, seconds, through_proxies=False)
        yield _Called(own.url, door, own.look, own.pause)


async def _play(script: Script, called: _Called, show: Callable[[Exchange], None]) -> bool:
    broken = False
    exchanges = play(script, called.door, called.look)
    async with called.door, aclosing(exchanges):
        async for exchange in exchanges:
            show(exchange)
            broken = broken or exchange.is_broken
            called.pause()
    return broken


def _show_json(exchange: Exchange) -> None:
    click.echo(json.dumps(exchange.as_json()))


def _complain(text: str) -> None:
    click.echo(text, err=True)
