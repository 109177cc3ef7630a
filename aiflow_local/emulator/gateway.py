"""API Gateway: an ASGI application in front of the functions."""

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

from aiflow_local.emulator.access_log import Served, ServedRequest
from aiflow_local.emulator.deployment import Deployment, Platform
from aiflow_local.emulator.dynamodb import embedded_dynamodb
from aiflow_local.emulator.http_event import Arrival, HttpRequest, http_event
from aiflow_local.emulator.http_response import http_response, message
from aiflow_local.emulator.http_routing import Match
from aiflow_local.emulator.invoker import Invoker
from aiflow_local.emulator.lambda_function import Function, FunctionFailed
from aiflow_local.emulator.management_api import Management, connection_of
from aiflow_local.emulator.websocket import Limits, WebSockets

MAX_REQUEST_BYTES = 10 * 1024 * 1024
"""What API Gateway takes."""

_INTEGRATION_TIMEOUT_SECONDS = 30


@dataclass(frozen=True, kw_only=True)
class Terms:
    """What a gateway is told of the world.

    Attributes:
        address: the URL that it is served at, without a path.
        now: what the functions are told of the time, in Unix seconds.
        limits: when it closes WebSockets.
    """

    address: str
    now: Callable[[], float] = time.time
    limits: Limits = field(default_factory=Limits)


class Gateway:
    """The stack of a project on this machine; `open_gateway` makes one.

    Args:
        platform: what outlives a deployment.
        project: the folder of the template.
        parameters: of the template.
        served: told of each answer, message and connection.
        limits: when WebSockets are closed.
    """

    def __init__(
        self,
        platform: Platform,
        project: Path,
        parameters: Mapping[str, str],
        served: Callable[[Served], None],
        limits: Limits,
    ) -> None:
        self._platform = platform
        self._project = project
        self._parameters = parameters
        self._served = served
        self._deploying = Lock()
        self.deployment: Deployment = platform.deploy(project, parameters)
        self._management = Management(platform.connections)
        self._websockets = WebSockets(
            deployed=lambda: self.deployment.websocket,
            connections=platform.connections,
            invoke=Invoker(platform.complain, platform.reports.take),
            served=served,
            limits=limits,
        )

    def reload(self) -> None:
        """Deploy what the project is now; the state of the calls and running events stay.

        Raises:
            LocalError: that is broken; what was deployed before goes on.
        """
        with self._deploying:
            self.deployment = self._platform.deploy(self._project, self._parameters)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or take a WebSocket from its beginning to its end; see ASGI."""
        if scope["type"] == "websocket":
            await self._websockets(scope, receive, send)
        elif scope["type"] == "http":
            await self._answer_request(scope, receive, send)

    async def say_goodbye(self) -> None:
        """Close the WebSockets, before the server ends."""
        await self._platform.connections.close_all()

    async def _answer_request(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        begun, request_id = time.monotonic(), str(uuid4())
        try:
            response = await self._answer(request, request_id)
        except ClientDisconnect:
            return
        response.headers["apigw-requestid"] = request_id
        # Before it leaves: whoever has the answer can rely on that it was told.
        self._served(
            ServedRequest(
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
        if api and (connection_id := connection_of(request.url.path, api.stage)):
            return await self._management.answer(request.method, connection_id, body)
        match = self.deployment.routes.match(request.method, _path(request.scope))
        if match is None:
            return message(404, "Not Found")
        if body is None:
            return message(413, "Request Entity Too Large")
        event = http_event(_http_request(request, body), _arrival(match, request_id))
        try:
            async with asyncio.timeout(_INTEGRATION_TIMEOUT_SECONDS):
                return http_response(await match.target.invoke(event, request_id))
        except (TimeoutError, asyncio.CancelledError):
            # Cancelled is who is still running when the gateway ends.
            return message(503, "Service Unavailable")
        except FunctionFailed as failure:
            self._platform.complain(str(failure))
            return message(500, "Internal Server Error")


@contextmanager
def open_gateway(
    project: Path,
    parameters: Mapping[str, str],
    served: Callable[[Served], None],
    complain: Callable[[str], None],
    terms: Terms,
) -> Generator[Gateway]:
    """Deploy a project on this machine, for as long as the block takes.

    Args:
        project: the folder of the template.
        parameters: of the template.
        served: told of each answer, message and connection.
        complain: told of each error of a handler.
        terms: what it must know of the world.

    Raises:
        LocalError: the template or the code is not as it must be.
    """
    with ExitStack() as stack:
        client = stack.enter_context(embedded_dynamodb())
        platform = Platform(client, complain, terms.address, terms.now)
        stack.callback(platform.modules.close)
        yield Gateway(platform, project, parameters, served, terms.limits)


async def _body(request: Request) -> bytes | None:
    """Return the body, or None when it is too large; it is read to its end all the same."""
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


def _arrival(match: Match[Function], request_id: str) -> Arrival:
    return Arrival(
        route_key=match.route_key,
        path_parameters=match.path_parameters,
        request_id=request_id,
        at=time.time(),
    )
