"""Selects the bot to call from command-line options."""

from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass

import click

from aiflow_local.simulator.bots.connector import BotConnector, ConnectedBot, TransportName
from aiflow_local.simulator.engine.clock import Clock
from aiflow_local.simulator.engine.options import ServiceOptions


@dataclass(frozen=True)
class Target:
    """The bot to call.

    Attributes:
        url: URL of a bot; None for the agent of this project.
        token: API token to send.
        parameters: template parameters, as `NAME=VALUE`.
        transport: `http` or `websocket` to call the agent of this project through its gateway;
            None to call it without a socket.
    """

    url: str | None
    token: str | None
    parameters: tuple[str, ...]
    transport: TransportName | None = None


@contextmanager
def open_target(target: Target, report_error: Callable[[str], None]) -> Generator[BotConnector]:
    """Load or serve the target while the block runs; yield a connector for its calls.

    Args:
        target: the bot to call.
        report_error: called with the traceback of each handler error.

    Raises:
        click.UsageError: the options contradict each other.
        LocalError: the project or the URL is not valid.
    """
    if target.url is not None:
        yield _at(target, target.url)
        return
    if target.transport is not None:
        from aiflow_local.simulator.bots.over_gateway import serve_project_agent  # noqa: PLC0415 - slow to load

        with serve_project_agent(target.transport, target.parameters, report_error) as served:
            yield served
        return
    # A call to a URL does not load templates and handlers.
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
    """Tell whether a URL is a WebSocket URL."""
    return url.partition(":")[0].lower() in {"ws", "wss"}


def _over_http(target: Target, url: str) -> BotConnector:
    from aiflow_local.simulator.bots.http import HttpConnection  # noqa: PLC0415 - only for HTTP URLs

    with HttpConnection(url, target.token, 1):
        """Check the URL before the first call."""

    @contextmanager
    def connect(_: Clock, options: ServiceOptions) -> Generator[ConnectedBot]:
        with HttpConnection(url, target.token, options.answer_deadline_ms) as connection:
            yield ConnectedBot(connection, None)

    return connect


def _over_websocket(target: Target, url: str) -> BotConnector:
    from aiflow_local.simulator.bots.response_wait import NoWait  # noqa: PLC0415 - only for WebSocket URLs
    from aiflow_local.simulator.bots.websocket import WebSocketConnection  # noqa: PLC0415 - see above

    with WebSocketConnection(url, target.token, ServiceOptions()):
        """Check the URL before the first call."""

    @contextmanager
    def connect(clock: Clock, options: ServiceOptions) -> Generator[ConnectedBot]:
        token, wake = target.token, clock.wake
        connection = WebSocketConnection(url, token, options, NoWait(), wake) if wake else None
        with connection or WebSocketConnection(url, token, options) as connection:
            yield ConnectedBot(connection, None)

    return connect
