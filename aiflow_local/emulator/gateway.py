"""Emulates API Gateway as an ASGI application that invokes the functions."""

import asyncio
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import cast
from uuid import uuid4

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from aiflow_local.emulator.access_log import AccessLogEntry, RequestLogEntry
from aiflow_local.emulator.deployment import Deployment, Platform
from aiflow_local.emulator.dynamodb import embedded_dynamodb
from aiflow_local.emulator.http_event import HttpRequest, HttpRequestContext, http_event
from aiflow_local.emulator.http_response import http_response, message
from aiflow_local.emulator.http_routing import Match
from aiflow_local.emulator.invoker import Invoker
from aiflow_local.emulator.lambda_function import Function, FunctionError
from aiflow_local.emulator.management_api import ManagementApi, connection_id_in
from aiflow_local.emulator.websocket import ConnectionLimits, WebSocketApp

MAX_REQUEST_BYTES = 10 * 1024 * 1024
"""The size limit of a request, as in API Gateway."""

_INTEGRATION_TIMEOUT_SECONDS = 30


@dataclass(frozen=True, kw_only=True)
class ServeOptions:
    """Options of a gateway.

    Attributes:
        address: The URL of the gateway, without a path.
        now: The clock of the functions; returns Unix time in seconds.
        limits: The limits of WebSocket connections.
    """

    address: str
    now: Callable[[], float] = time.time
    limits: ConnectionLimits = field(default_factory=ConnectionLimits)


class Gateway:
    """Runs the stack of a project on this machine; `open_gateway` creates it.

    Args:
        platform: The state that outlives a deployment.
        project: The folder of the template.
        parameters: The parameters of the template.
        log_access: Called for each response, message and connection.
        limits: The limits of WebSocket connections.
    """

    def __init__(
        self,
        platform: Platform,
        project: Path,
        parameters: Mapping[str, str],
        log_access: Callable[[AccessLogEntry], None],
        limits: ConnectionLimits,
    ) -> None:
        self._platform = platform
        self._project = project
        self._parameters = parameters
        self._log_access = log_access
        self._deploying = Lock()
        self.deployment: Deployment = platform.deploy(project, parameters)
        self._management = ManagementApi(platform.connections)
        self._websockets = WebSocketApp(
            deployed=lambda: self.deployment.websocket,
            connections=platform.connections,
            invoke=Invoker(platform.complain, platform.reports.take),
            log_access=log_access,
            limits=limits,
        )

    def reload(self) -> None:
        """Deploy the project again; the state of calls and running invocations are kept.

        Raises:
            LocalError: The project is invalid; the previous deployment stays active.
        """
        with self._deploying:
            self.deployment = self._platform.deploy(self._project, self._parameters)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle an HTTP request or a WebSocket connection; see ASGI."""
        if scope["type"] == "websocket":
            await self._websockets(scope, receive, send)
        elif scope["type"] == "http":
            await self._answer_request(scope, receive, send)

    async def close_connections(self) -> None:
        """Close all WebSockets, before the server stops."""
        await self._platform.connections.close_all()

    async def _answer_request(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        begun, request_id = time.monotonic(), str(uuid4())
        try:
            response = await self._answer(request, request_id)
        except ClientDisconnect:
            return
        response.headers["apigw-requestid"] = request_id
        # Log before sending: a client that has the response can rely on the log entry.
        self._log_access(
            RequestLogEntry(
                method=request.method,
                path=_path(scope),
                status=response.status_code,
                ms=(time.monotonic() - begun) * 1000,
                report=self._platform.reports.take(request_id),
            )
        )
        await response(scope, receive, send)

    async def _answer(self, request: Request, request_id: str) -> Response:
        body = await _body(request)
        api = self.deployment.websocket
        if api and (connection_id := connection_id_in(request.url.path, api.stage)):
            return await self._management.handle(request.method, connection_id, body)
        match = self.deployment.routes.match(request.method, _path(request.scope))
        if match is None:
            return message(404, "Not Found")
        if body is None:
            return message(413, "Request Entity Too Large")
        event = http_event(_http_request(request, body), _request_context(match, request_id))
        try:
            async with asyncio.timeout(_INTEGRATION_TIMEOUT_SECONDS):
                return http_response(await match.target.invoke(event, request_id))
        except (TimeoutError, asyncio.CancelledError):
            # An invocation is cancelled if it still runs when the gateway stops.
            return message(503, "Service Unavailable")
        except FunctionError as error:
            self._platform.complain(str(error))
            return message(500, "Internal Server Error")


@contextmanager
def open_gateway(
    project: Path,
    parameters: Mapping[str, str],
    log_access: Callable[[AccessLogEntry], None],
    on_error: Callable[[str], None],
    options: ServeOptions,
) -> Generator[Gateway]:
    """Deploy a project on this machine for the duration of the block.

    Args:
        project: The folder of the template.
        parameters: The parameters of the template.
        log_access: Called for each response, message and connection.
        on_error: Called with each error of a handler.
        options: The options of the gateway.

    Raises:
        LocalError: The template or the code is invalid.
    """
    with ExitStack() as stack:
        client = stack.enter_context(embedded_dynamodb())
        platform = Platform(client, on_error, options.address, options.now)
        stack.callback(platform.modules.close)
        yield Gateway(platform, project, parameters, log_access, options.limits)


async def _body(request: Request) -> bytes | None:
    """Read the body to its end; return None if it is too large."""
    body, size = bytearray(), 0
    async for chunk in request.stream():
        size += len(chunk)
        if size <= MAX_REQUEST_BYTES:
            body += chunk
    return bytes(body) if size <= MAX_REQUEST_BYTES else None


def _path(scope: Scope) -> str:
    return cast("bytes", scope["raw_path"]).decode("latin-1")


def _http_request(request: Request, body: bytes) -> HttpRequest:
    host = request.client.host if request.client else ""
    added = {"x-forwarded-for": host, "x-forwarded-proto": "http"}
    return HttpRequest(
        method=request.method,
        path=_path(request.scope),
        query=request.url.query,
        headers=(*request.headers.items(), *added.items()),
        body=body,
        source_ip=host,
    )


def _request_context(match: Match[Function], request_id: str) -> HttpRequestContext:
    return HttpRequestContext(
        route_key=match.route_key,
        path_parameters=match.path_parameters,
        request_id=request_id,
        at=time.time(),
    )
