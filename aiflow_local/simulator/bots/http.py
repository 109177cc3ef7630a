"""The connection to any bot, in any language, at an HTTP URL."""

import asyncio
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass
from http import HTTPStatus
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

import httpx

from aiflow.protocol.json_codec import encode
from aiflow.protocol.types import JsonObject
from aiflow_local.errors import Unreadable
from aiflow_local.simulator.engine.bot_connection import (
    DeliveryFailure,
    HttpResponse,
    RequestResponseConnection,
)

MAX_RESPONSE_BYTES = 10 * 1024 * 1024
"""More than API Gateway accepts."""

_HIGHEST_PORT = 65535


@dataclass(frozen=True)
class _ResponseTooLarge(Exception):
    """The body of a response exceeds `MAX_RESPONSE_BYTES`."""


class HttpConnection(RequestResponseConnection):
    """Posts each event to a webhook, as AI Flow does. Use it as a context manager.

    Args:
        url: URL of the webhook.
        token: value of the header `X-API-TOKEN`; None sends no header.
        deadline_ms: time limit for a whole response.
        use_proxies: whether the proxy settings of the environment apply.

    Raises:
        Unreadable: `url` is not an HTTP URL.
    """

    def __init__(
        self, url: str, token: str | None, deadline_ms: int, *, use_proxies: bool = True
    ) -> None:
        self._url = _http_url(url)
        self._deadline_seconds = deadline_ms / 1000
        headers = {
            # A small compressed body could expand to any size.
            "accept-encoding": "identity",
            "content-type": "application/json",
            "user-agent": "aiflow-play",
        }
        if token is not None:
            headers["x-api-token"] = token
        # The deadline covers the whole response; a timeout of httpx restarts with each byte.
        self._client = httpx.AsyncClient(
            headers=headers,
            timeout=httpx.Timeout(None),
            trust_env=use_proxies,
            follow_redirects=False,
        )
        self._open = AsyncExitStack()
        # One loop for all events: pooled connections belong to their loop.
        self._runner = asyncio.Runner()

    def send(self, event: JsonObject) -> HttpResponse | DeliveryFailure:
        """Post an event and wait for the response; return a failure as `DeliveryFailure`."""
        return self._runner.run(self._send(event))

    def __enter__(self) -> Self:
        """Open the HTTP client."""
        self._runner.run(self._open.enter_async_context(self._client))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the HTTP client and its connections."""
        if self._runner.get_loop().is_running():
            # After a second Ctrl-C the thread of the call still waits for a response.
            return
        try:
            self._runner.run(self._open.aclose())
        finally:
            self._runner.close()

    async def _send(self, event: JsonObject) -> HttpResponse | DeliveryFailure:
        started = time.monotonic()

        def failed(code: str, reason: str) -> DeliveryFailure:
            return DeliveryFailure(code, reason, (time.monotonic() - started) * 1000)

        try:
            async with asyncio.timeout(self._deadline_seconds):
                response, raw = await self._post(event)
        except TimeoutError:
            return failed("timeout", f"did not answer within {self._deadline_seconds:g} s")
        except _ResponseTooLarge:
            limit = f"{MAX_RESPONSE_BYTES // 1024**2} MB"
            return failed("too_large", f"answered with more than {limit}")
        except httpx.ConnectError as error:
            return failed("no_connection", f"no server answers at this address ({error})")
        except httpx.HTTPError as error:
            return failed("broken_off", f"broke off: {str(error) or type(error).__name__}")
        try:
            body = raw.decode()
        except UnicodeDecodeError:
            if response.status_code == HTTPStatus.OK:
                return failed("not_json", "answered with a body that is not UTF-8, so not JSON")
            # The service reads a body only with status 200.
            body = raw.decode(errors="replace")
        ms = (time.monotonic() - started) * 1000
        return HttpResponse(response.status_code, dict(response.headers), body, ms)

    async def _post(self, event: JsonObject) -> tuple[httpx.Response, bytes]:
        body = bytearray()
        request = self._client.build_request("POST", self._url, content=encode(event))
        response = await self._client.send(request, stream=True)
        try:
            async for chunk in response.aiter_bytes():
                body += chunk
                if len(body) > MAX_RESPONSE_BYTES:
                    raise _ResponseTooLarge
        finally:
            await response.aclose()
        return response, bytes(body)


def _http_url(url: str) -> httpx.URL:
    try:
        # httpx checks neither port 0 nor a port that is out of range.
        has_port_zero = urlsplit(url).port == 0
        parsed = httpx.URL(url)
        # httpx decodes Punycode, and rejects half of it, only when the host is read.
        host, port = parsed.host, parsed.port
    except (httpx.InvalidURL, ValueError) as error:
        raise Unreadable("bad_url", f"{url} is not a URL: {error}") from None
    if parsed.scheme not in {"http", "https"} or not host:
        schemes = "http://, https://, ws:// or wss://"
        raise Unreadable("bad_url", f"{url} must begin with {schemes} and name a host")
    if has_port_zero or (port is not None and not 0 < port <= _HIGHEST_PORT):
        raise Unreadable("bad_url", f"{url} is not a URL: port {port or 0} is not valid")
    return parsed
