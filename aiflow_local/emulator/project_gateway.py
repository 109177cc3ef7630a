"""Serves the agent of the current project through an emulated gateway on a free port."""

from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from aiflow_local.emulator.access_log import AccessLogEntry
from aiflow_local.emulator.gateway import Gateway, ServeOptions, open_gateway
from aiflow_local.emulator.server import base_url, listen, serve_in_background
from aiflow_local.errors import TemplateError
from aiflow_local.stack.cli_options import stack_parameters, with_transfer_target
from aiflow_local.stack.project import TEMPLATE, find_project
from aiflow_local.tokens import Token


@dataclass(frozen=True)
class ProjectOptions:
    """Options of `serve_project`.

    Attributes:
        token: The token that the functions accept.
        parameters: Parameters of the template, as `NAME=VALUE`.
        on_error: Called with each error of a handler.
        now: The clock of the functions; returns Unix time in seconds.
        log_access: Called for each response, message and connection.
    """

    token: Token
    parameters: Sequence[str]
    on_error: Callable[[str], None]
    now: Callable[[], float]
    log_access: Callable[[AccessLogEntry], None] = lambda _: None


@dataclass(frozen=True)
class ServedProject:
    """The served agent of a project.

    Attributes:
        gateway: The gateway that serves it.
        url: The URL of its webhook.
        websocket_url: The URL of its WebSocket; None if the stack has none.
    """

    gateway: Gateway
    url: str
    websocket_url: str | None


@contextmanager
def serve_project(options: ProjectOptions) -> Generator[ServedProject]:
    """Serve the agent of the current project, with a default transfer number.

    Raises:
        LocalError: The project is invalid.
    """
    project = find_project()
    values = stack_parameters(
        project, options.token, with_transfer_target(project, options.parameters)
    )
    with listen("127.0.0.1", 0) as listener:
        address = base_url(listener)
        gateway_options = ServeOptions(address=address, now=options.now)
        with open_gateway(
            project, values, options.log_access, options.on_error, gateway_options
        ) as gateway:
            deployed = gateway.deployment
            if not deployed.http_routes:
                raise TemplateError(f"{TEMPLATE} has no function with an HTTP route: add one")
            websocket = address.replace("http", "ws", 1) if deployed.websocket else None
            with serve_in_background(gateway, listener):
                yield ServedProject(gateway, address + deployed.http_routes[0].path, websocket)
