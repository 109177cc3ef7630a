"""The agent of the project that somebody stands in, behind its gateway on a free port."""

from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from aiflow_local.emulator.access_log import Served
from aiflow_local.emulator.gateway import Gateway, Terms, open_gateway
from aiflow_local.emulator.server import address_of, in_background, listen
from aiflow_local.errors import TemplateError
from aiflow_local.stack.cli_options import stack_parameters, with_transfer_target
from aiflow_local.stack.project import TEMPLATE, find_project
from aiflow_local.tokens import Token


@dataclass(frozen=True)
class Wanted:
    """How it is to be served.

    Attributes:
        token: that must be shown.
        parameters: of the template, as `NAME=VALUE`.
        complain: told of each error of a handler.
        now: what the functions are told of the time, in Unix seconds.
        served: told of each answer, message and connection.
    """

    token: Token
    parameters: Sequence[str]
    complain: Callable[[str], None]
    now: Callable[[], float]
    served: Callable[[Served], None] = lambda _: None


@dataclass(frozen=True)
class Own:
    """An agent that is being served.

    Attributes:
        gateway: in front of it.
        url: of its webhook.
        websocket_url: of its WebSocket; None where the stack has none.
    """

    gateway: Gateway
    url: str
    websocket_url: str | None


@contextmanager
def serve_own(wanted: Wanted) -> Generator[Own]:
    """Serve the agent of this project, with somebody to transfer calls to.

    Raises:
        LocalError: the project is not as it must be.
    """
    project = find_project()
    values = stack_parameters(
        project, wanted.token, with_transfer_target(project, wanted.parameters)
    )
    with listen("127.0.0.1", 0) as listener:
        address = address_of(listener)
        terms = Terms(address=address, now=wanted.now)
        with open_gateway(project, values, wanted.served, wanted.complain, terms) as gateway:
            deployed = gateway.deployment
            if not deployed.doors:
                message = f"{TEMPLATE} has no function with a route: nothing can be called"
                raise TemplateError(message)
            websocket = address.replace("http", "ws", 1) if deployed.websocket else None
            with in_background(gateway, listener):
                yield Own(gateway, address + deployed.doors[0].path, websocket)
