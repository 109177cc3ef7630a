"""API Gateway: an ASGI application in front of the functions."""

import asyncio
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import cast
from uuid import uuid4

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from aiflow.runtime.observability import Report
from local.gateway.answer import http_response, message
from local.gateway.deployment import Deployment, Platform
from local.gateway.envelope import Arrival, HttpRequest, http_event
from local.gateway.function import Function, FunctionFailed
from local.gateway.routes import Match
from local.gateway.table import embedded_dynamodb

MAX_REQUEST_BYTES = 10 * 1024 * 1024
"""What API Gateway takes."""

_INTEGRATION_TIMEOUT_SECONDS = 30


@dataclass(frozen=True, kw_only=True)
class Served:
    """A request that was answered.

    Attributes:
        method: of the request.
        path: of the request, percent-encoded and without its query.
        status: of the answer.
        ms: how long the answer took, in milliseconds.
        report: what the layer says of the event; None when it was not asked.
    """

    method: str
    path: str
    status: int
    ms: float
    report: Report | None


class Gateway:
    """The stack of a project on this machine; `open_gateway` makes one.

    Args:
        platform: what outlives a deployment.
        project: the folder of the template.
        parameters: of the template.
        served: told of each answer.
    """

    def __init__(
        self,
        platform: Platform,
        project: Path,
        parameters: Mapping[str, str],
        served: Callable[[Served], None],
    ) -> None:
        self._platform = platform
        self._project = project
        self._parameters = parameters
        self._served = served
        self._deploying = Lock()
        self.deployment: Deployment = platform.deploy(project, parameters)

    def reload(self) -> None:
        """Deploy what the project is now; the state of the calls and running events stay.

        Raises:
            LocalError: that is broken; what was deployed before goes on.
        """
        with self._deploying:
            self.deployment = self._platform.deploy(self._project, self._parameters)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request; see ASGI."""
        if scope["type"] != "http":
            return
        request = Request(scope, receive)
        begun, request_id = time.monotonic(), str(uuid4())
        try:
            response = await self._answer(request, request_id)
        except ClientDisconnect:
            return
        response.headers["apigw-requestid"] = request_id
        # Before it leaves: whoever has the answer can rely on that it was told.
        self._served(
            Served(
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
    now: Callable[[], float] = time.time,
) -> Generator[Gateway]:
    """Deploy a project on this machine, for as long as the block takes.

    Args:
        project: the folder of the template.
        parameters: of the template.
        served: told of each answer.
        complain: told of each error of a handler.
        now: what the functions are told of the time, in Unix seconds.

    Raises:
        LocalError: the template or the code is not as it must be.
    """
    with ExitStack() as stack:
        platform = Platform(stack.enter_context(embedded_dynamodb()), complain, now)
        stack.callback(platform.code.close)
        yield Gateway(platform, project, parameters, served)


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
