"""`aiflow serve`."""

import os
import socket
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

import click
from rich.console import Console
from rich.text import Text

import aiflow
from aiflow.telemetry import EventReport
from aiflow_local.emulator.access_log import Served, ServedMessage, ServedRequest
from aiflow_local.emulator.gateway import Gateway, Terms, open_gateway
from aiflow_local.emulator.hot_reload import WatchedPaths, watch_files
from aiflow_local.emulator.server import address_of, listen, make_server
from aiflow_local.emulator.websocket import Limits
from aiflow_local.errors import LocalError
from aiflow_local.stack.cli_options import parameters_option, stack_parameters, token_option
from aiflow_local.stack.project import find_project
from aiflow_local.tokens import Token, new_token

_FINE, _REFUSED, _FAILED = 200, 400, 500
_MOST_PATH = 60
_SECONDS = click.FloatRange(0, min_open=True)
_EPILOG = """\b
Examples:
  aiflow serve
  aiflow serve --port 8080 --token secret --parameter TransferNumber=+12025550123
  aiflow event session_start | curl -d @- -H "Content-Type: application/json" \\
    -H "X-API-TOKEN: secret" http://127.0.0.1:8080/webhook"""


@click.command(epilog=_EPILOG)
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=3000,
    show_default=True,
    help="0 finds a free one.",
)
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen at.")
@token_option("The API token that requests must carry; a random one if omitted.")
@parameters_option
@click.option(
    "--idle-timeout-seconds",
    "idle_seconds",
    type=_SECONDS,
    default=Limits.idle_seconds,
    show_default=True,
    help="Close a WebSocket on which nothing was sent for so long.",
)
@click.option(
    "--connection-limit-seconds",
    "connection_seconds",
    type=_SECONDS,
    default=Limits.connection_seconds,
    show_default=True,
    help="Close a WebSocket that was open for so long.",
)
def command(
    port: int, host: str, token: str | None, parameters: Sequence[str], **limits: float
) -> None:
    """Serve the HTTP routes and the WebSocket of template.yaml on this machine.

    The real handlers answer, with the real authentication; the state of the calls is kept in an
    embedded DynamoDB. Edits of the functions and the template are taken over at once.
    """
    project, secret = find_project(), Token(token) if token else new_token()
    values = stack_parameters(project, secret, parameters)
    screen = _Screen()
    has_changed, address = False, ""
    try:
        with listen(host, port) as listener:
            address = address_of(listener)
            terms = Terms(address=address, limits=Limits(**limits))
            with open_gateway(project, values, screen.served, screen.complain, terms) as gateway:
                has_changed = _serve(_Session(project, gateway, screen), listener, secret)
    except KeyboardInterrupt:
        """What it is told to do."""
    if has_changed:
        _start_again(secret, address)
    screen.say("Stopped.")


def _serve(session: "_Session", listener: socket.socket, token: Token) -> bool:
    """Serve until the layer has changed, or until it is enough; tell which."""
    watched = WatchedPaths(
        session.project, session.gateway.deployment.code_folders, Path(aiflow.__file__).parent
    )
    with watch_files(watched, session.reload, session.restart):
        session.screen.welcome(address_of(listener), session.gateway, token)
        session.server.run(sockets=[listener])
    return session.layer_has_changed


class _Screen:
    """What is printed: never what was said, never a number."""

    def __init__(self) -> None:
        self._out = Console(highlight=False, soft_wrap=True)

    def welcome(self, address: str, gateway: Gateway, token: Token) -> None:
        first, *others = [address + route.path for route in gateway.deployment.http_routes]
        self.say(f"Webhook    {first}", "bold")
        if gateway.deployment.websocket:
            self.say(f"WebSocket  {address.replace('http', 'ws', 1)}", "bold")
        self.say(f"Token      {token.secret}  (header X-API-TOKEN)", "bold")
        for other in others:
            self.say(f"           {other}", "dim")
        self.say("State is kept in memory. Edits are taken over at once. Ctrl-C stops.", "dim")

    def say(self, text: str, style: str = "") -> None:
        self._out.print(Text(text, style))

    def complain(self, text: str) -> None:
        click.echo(text, err=True)

    def served(self, served: Served) -> None:
        line = Text(f"{_what(served)[:_MOST_PATH]} ")
        line.append(str(served.status), _colour(served.status))
        line.append(f" {served.ms:.0f} ms", "dim")
        if isinstance(served, ServedMessage) and served.sent:
            line.append(f" {served.sent} sent")
        if served.report:
            # The route of a message is the type of its event.
            if isinstance(served, ServedRequest) and served.report.session_id:
                line.append(f" {served.report.event_type}")
            _append(line, served.report)
        self._out.print(line)


class _Session:
    """What edits do to a running gateway."""

    def __init__(self, project: Path, gateway: Gateway, screen: _Screen) -> None:
        self.project = project
        self.gateway = gateway
        self.screen = screen
        self.server = make_server(gateway)
        self.layer_has_changed = False

    def reload(self) -> None:
        try:
            self.gateway.reload()
        except LocalError as error:
            self.screen.complain(f"{error}\nThe code from before goes on.")
        else:
            self.screen.say("Reloaded.", "green")

    def restart(self) -> None:
        self.screen.say("The layer has changed: starting again, with no calls.", "yellow")
        self.layer_has_changed = True
        self.server.should_exit = True


def _colour(status: int) -> str:
    if status >= _FAILED:
        return "red"
    return "yellow" if status >= _REFUSED else "green"


def _what(served: Served) -> str:
    match served:
        case ServedRequest():
            return f"{served.method} {served.path}"
        case ServedMessage():
            return f"WebSocket {served.route_key}"


def _append(line: Text, report: EventReport) -> None:
    if report.reason:
        line.append(f" {report.outcome.value}: {report.reason}", "yellow")
    if message := report.details.get("message"):
        line.append(f": {message}", "yellow")


def _start_again(token: Token, address: str) -> NoReturn:
    environment = {**os.environ, "AIFLOW_TOKEN": token.secret}
    # Of an option that is given twice the last one counts.
    port = ["--port", address.rpartition(":")[2]]
    arguments = sys.orig_argv[1:] if sys.orig_argv[-2:] == port else [*sys.orig_argv[1:], *port]
    command_line = [sys.executable, *arguments]
    os.execve(sys.executable, command_line, environment)  # noqa: S606 - it is this command itself
