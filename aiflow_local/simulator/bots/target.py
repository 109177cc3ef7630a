"""Who is called: the agent of this project in this process, or any bot at a URL."""

from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass

import click

from aiflow_local.simulator.bots.connector import BotConnector, ConnectedBot, TransportName
from aiflow_local.simulator.engine.clock import Clock
from aiflow_local.simulator.engine.options import ServiceOptions


@dataclass(frozen=True)
class Target:
    """Who is called, as a command line says it.

    Attributes:
        url: of a bot; None for the agent of this project.
        token: sent to the bot.
        parameters: of the template, as `NAME=VALUE`.
        transport: `http` or `websocket`: call the agent of this project through its gateway,
            over a real socket; None for no socket.
    """

    url: str | None
    token: str | None
    parameters: tuple[str, ...]
    transport: TransportName | None = None


@contextmanager
def open_target(target: Target, report_error: Callable[[str], None]) -> Generator[BotConnector]:
    """Make a bot ready to be called, for as long as the block takes.

    Args:
        target: which one.
        complain: told of each error of a handler.

    Raises:
        click.UsageError: the options contradict each other.
        LocalError: there is nothing that could be called.
    """
    if target.url is not None:
        yield _at(target, target.url)
        return
    if target.transport is not None:
        from aiflow_local.simulator.bots.over_gateway import serve_project_agent  # noqa: PLC0415 - no other call needs it

        with serve_project_agent(target.transport, target.parameters, report_error) as served:
            yield served
        return
    # A call to a URL need not wait for what reads templates and runs handlers.
    from aiflow_local.simulator.bots.in_process import load_project_agent  # noqa: PLC0415 - see above

    with load_project_agent(target.parameters, report_error) as agent:

        def connect(clock: Clock, _: ServiceOptions) -> AbstractContextManager[ConnectedBot]:
            connection = agent.connect(clock)
            return nullcontext(ConnectedBot(connection, connection.read_record))

        yield connect


def _at(target: Target, url: str) -> BotConnector:
    for option, value in (("--parameter", target.parameters), ("--transport", target.transport)):
        if value:
            raise click.UsageError(f"{option} is for the agent of this project, not for --url.")
    return _over_websocket(target, url) if is_websocket(url) else _over_http(target, url)


def is_websocket(url: str) -> bool:
    """Tell whether a URL is that of a WebSocket."""
    return url.partition(":")[0].lower() in {"ws", "wss"}


def _over_http(target: Target, url: str) -> BotConnector:
    from aiflow_local.simulator.bots.http import HttpConnection  # noqa: PLC0415 - no other call needs HTTP

    with HttpConnection(url, target.token, 1):
        """Find out now whether this is a URL."""

    @contextmanager
    def connect(_: Clock, options: ServiceOptions) -> Generator[ConnectedBot]:
        with HttpConnection(url, target.token, options.answer_deadline_ms) as connection:
            yield ConnectedBot(connection, None)

    return connect


def _over_websocket(target: Target, url: str) -> BotConnector:
    from aiflow_local.simulator.bots.response_wait import NoWait  # noqa: PLC0415 - no other call needs WebSockets
    from aiflow_local.simulator.bots.websocket import WebSocketConnection  # noqa: PLC0415 - likewise

    with WebSocketConnection(url, target.token, ServiceOptions()):
        """Find out now whether this is a URL."""

    @contextmanager
    def connect(clock: Clock, options: ServiceOptions) -> Generator[ConnectedBot]:
        token, wake = target.token, clock.wake
        connection = WebSocketConnection(url, token, options, NoWait(), wake) if wake else None
        with connection or WebSocketConnection(url, token, options) as connection:
            yield ConnectedBot(connection, None)

    return connect
