"""Plays scripted calls and prints them."""

import asyncio
import json
from collections.abc import Callable, Generator, Sequence
from contextlib import aclosing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click
from rich.console import Console

from aiflow_local.simulator.bots.target import Target, is_websocket
from aiflow_local.simulator.scripts.http_client import HttpDoor
from aiflow_local.simulator.scripts.runner import Exchange, State, play
from aiflow_local.simulator.scripts.script import Script, read_script
from aiflow_local.simulator.scripts.transcript import Transcript
from aiflow_local.stack.cli_options import read_all
from aiflow_local.tokens import Token, new_token

if TYPE_CHECKING:
    from aiflow_local.simulator.scripts.websocket_client import ScriptedSocket


def play_scripts(files: Sequence[str], target: Target, seconds: float, *, as_json: bool) -> bool:
    """Play scripted calls over real HTTP or a WebSocket; tell if all answers keep to the protocol.

    Args:
        files: one after another; `-` is standard input.
        target: who is called; the agent of this project is served.
        seconds: until an answer must have come.
        as_json: print a line of JSON for each event.

    Raises:
        Unreadable: one of the files, or the URL, is not what it must be.
    """
    fine = True
    for script in read_all(files, read_script):
        with _called(target, seconds) as called:
            transcript = None if as_json else Transcript(Console(highlight=False), script)
            if transcript:
                transcript.begin(called.url)
            show = transcript.add if transcript else _show_json
            fine = not asyncio.run(_play(script, called, show)) and fine
            if transcript:
                transcript.end()
    return fine


@dataclass(frozen=True)
class _Called:
    """Who is called: the way there, and what else can be done when it is our own agent."""

    url: str
    door: "HttpDoor | ScriptedSocket"
    look: Callable[[str], State] = lambda _: {}
    pause: Callable[[], None] = lambda: None


@contextmanager
def _called(target: Target, seconds: float) -> Generator[_Called]:
    url, token = target.url, target.token
    if url is not None:
        if target.parameters:
            raise click.UsageError("--parameter is for the agent of this project, not for --url.")
        yield _Called(url, _door(url, token, seconds))
        return
    # A call to a URL need not wait for what serves an agent.
    from aiflow_local.simulator.scripts.project_agent import serve_own_agent  # noqa: PLC0415 - loads for a second

    secret = Token(token) if token else new_token()
    with serve_own_agent(secret, target.parameters, _complain) as own:
        door = HttpDoor(own.url, secret.secret, seconds, through_proxies=False)
        yield _Called(own.url, door, own.look, own.pause)


def _door(url: str, token: str | None, seconds: float) -> "HttpDoor | ScriptedSocket":
    if not is_websocket(url):
        return HttpDoor(url, token, seconds)
    from aiflow_local.simulator.scripts.websocket_client import ScriptedSocket  # noqa: PLC0415 - no other call needs it

    return ScriptedSocket(url, token, seconds)


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
