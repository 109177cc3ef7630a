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
from aiflow_local.emulator.access_log import AccessLogEntry, MessageLogEntry, RequestLogEntry
from aiflow_local.emulator.gateway import Gateway, ServeOptions, open_gateway
from aiflow_local.emulator.hot_reload import WatchedPaths, watch_files
from aiflow_local.emulator.server import base_url, listen, make_server
from aiflow_local.emulator.websocket import ConnectionLimits
from aiflow_local.errors import LocalError
from aiflow_local.stack.cli_options import parameters_option, stack_parameters, token_option
from aiflow_local.stack.project import find_project
from aiflow_local.tokens import Token, new_token

_CLIENT_ERROR, _SERVER_ERROR = 400, 500
_MAX_PATH_CHARACTERS = 60
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
    help="The port to listen on; 0 selects a free one.",
)
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@token_option("The API token that requests must have; default: a random one.")
@parameters_option
@click.option(
    "--idle-timeout-seconds",
    "idle_seconds",
    type=_SECONDS,
    default=ConnectionLimits.idle_seconds,
    show_default=True,
    help="Close a WebSocket after this time without a message.",
)
@click.option(
    "--connection-limit-seconds",
    "connection_seconds",
    type=_SECONDS,
    default=ConnectionLimits.connection_seconds,
    show_default=True,
    help="Close a WebSocket after it was open for this time.",
)
def command(
    port: int, host: str, token: str | None, parameters: Sequence[str], **limits: float
) -> None:
    """Serve the HTTP routes and the WebSocket of template.yaml on this machine.

    Requests go through the real authentication to the real handlers; an embedded DynamoDB stores
    the state of calls. Changes of the functions and the template are loaded at once.
    """
    project, secret = find_project(), Token(token) if token else new_token()
    values = stack_parameters(project, secret, parameters)
    screen = _Screen()
    has_changed, address = False, ""
    try:
        with listen(host, port) as listener:
            address = base_url(listener)
            options = ServeOptions(address=address, limits=ConnectionLimits(**limits))
            with open_gateway(
                project, values, screen.log_access, screen.print_error, options
            ) as gateway:
                has_changed = _serve(_Session(project, gateway, screen), listener, secret)
    except KeyboardInterrupt:
        """The normal way to stop."""
    if has_changed:
        _restart_process(secret, address)
    screen.print("Stopped.")


def _serve(session: "_Session", listener: socket.socket, token: Token) -> bool:
    """Serve until the layer changes or the server stops; return whether the layer has changed."""
    watched = WatchedPaths(
        session.project, session.gateway.deployment.code_folders, Path(aiflow.__file__).parent
    )
    with watch_files(watched, session.reload, session.restart):
        session.screen.print_addresses(base_url(listener), session.gateway, token)
        session.server.run(sockets=[listener])
    return session.layer_has_changed


class _Screen:
    """Prints to the terminal; never texts or numbers of a call."""

    def __init__(self) -> None:
        self._out = Console(highlight=False, soft_wrap=True)

    def print_addresses(self, address: str, gateway: Gateway, token: Token) -> None:
        first, *others = [address + route.path for route in gateway.deployment.http_routes]
        self.print(f"Webhook    {first}", "bold")
        if gateway.deployment.websocket:
            self.print(f"WebSocket  {address.replace('http', 'ws', 1)}", "bold")
        self.print(f"Token      {token.secret}  (header X-API-TOKEN)", "bold")
        for other in others:
            self.print(f"           {other}", "dim")
        self.print("State is stored in memory. Changes are loaded at once. Ctrl-C stops.", "dim")

    def print(self, text: str, style: str = "") -> None:
        self._out.print(Text(text, style))

    def print_error(self, text: str) -> None:
        click.echo(text, err=True)

    def log_access(self, entry: AccessLogEntry) -> None:
        line = Text(f"{_request_line(entry)[:_MAX_PATH_CHARACTERS]} ")
        line.append(str(entry.status), _colour(entry.status))
        line.append(f" {entry.ms:.0f} ms", "dim")
        if isinstance(entry, MessageLogEntry) and entry.sent:
            line.append(f" {entry.sent} sent")
        if entry.report:
            # The route of a message is the type of its event.
            if isinstance(entry, RequestLogEntry) and entry.report.session_id:
                line.append(f" {entry.report.event_type}")
            _append_report(line, entry.report)
        self._out.print(line)


class _Session:
    """Reacts to changes of files while the gateway runs."""

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
            self.screen.print_error(f"{error}\nThe previous code stays active.")
        else:
            self.screen.print("Reloaded.", "green")

    def restart(self) -> None:
        self.screen.print(
            "The layer has changed: restarting, without the state of calls.", "yellow"
        )
        self.layer_has_changed = True
        self.server.should_exit = True


def _colour(status: int) -> str:
    if status >= _SERVER_ERROR:
        return "red"
    return "yellow" if status >= _CLIENT_ERROR else "green"


def _request_line(entry: AccessLogEntry) -> str:
    match entry:
        case RequestLogEntry():
            return f"{entry.method} {entry.path}"
        case MessageLogEntry():
            return f"WebSocket {entry.route_key}"


def _append_report(line: Text, report: EventReport) -> None:
    if report.reason:
        line.append(f" {report.outcome.value}: {report.reason}", "yellow")
    if message := report.details.get("message"):
        line.append(f": {message}", "yellow")


def _restart_process(token: Token, address: str) -> NoReturn:
    environment = {**os.environ, "AIFLOW_TOKEN": token.secret}
    # The last value of a repeated option wins.
    port = ["--port", address.rpartition(":")[2]]
    arguments = sys.orig_argv[1:] if sys.orig_argv[-2:] == port else [*sys.orig_argv[1:], *port]
    command_line = [sys.executable, *arguments]
    os.execve(sys.executable, command_line, environment)  # noqa: S606 - runs this command again
