"""Doors: the ways to an agent. The one over HTTP stands here."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self

import httpx

from aiflow.protocol.json_codec import encode
from aiflow.protocol.types import JsonObject
from aiflow_local.errors import Unreadable
from aiflow_local.simulator.engine.bot_port import Message

MAX_ANSWER_BYTES = 10 * 1024 * 1024
"""More than API Gateway lets through."""

_HIGHEST_PORT = 65535


@dataclass(frozen=True)
class Answer:
    """What came back for an event.

    Attributes:
        ms: how long it took, in milliseconds.
        status: of HTTP; None when there was no whole answer.
        headers: by lower-case name.
        body: all of it.
        fault: why there was no whole answer, as `(code, message)`.
        messages: that came, over a WebSocket; each is judged by itself.
    """

    ms: float
    status: int | None = None
    headers: Mapping[str, str] | None = None
    body: bytes = b""
    fault: tuple[str, str] | None = None
    messages: Sequence[Message] | None = None


class Door(Protocol):
    """A way to an agent."""

    async def send(self, event: JsonObject) -> Answer:
        """Send an event and wait for its answer; whatever happens, that is an answer."""
        ...


@dataclass(frozen=True)
class _Fault(Exception):
    code: str
    message: str


class HttpDoor:
    """Posts events to a webhook, as AI Flow does; to be entered before it is used.

    Args:
        url: of the webhook.
        token: sent as `X-API-TOKEN`; None sends none.
        timeout_seconds: until an answer must have come, all of it.
        through_proxies: whether the proxies of the environment are used.

    Raises:
        Unreadable: `url` is not an HTTP URL.
    """

    def __init__(
        self, url: str, token: str | None, timeout_seconds: float, *, through_proxies: bool = True
    ) -> None:
        self._url = _http_url(url)
        self._timeout_seconds = timeout_seconds
        headers = {
            # What a bot may compress it may also blow up.
            "accept-encoding": "identity",
            "content-type": "application/json",
            "user-agent": "aiflow-play",
        }
        if token is not None:
            headers["x-api-token"] = token
        # The time limit is ours: theirs begins anew with each byte that comes.
        unlimited = httpx.Timeout(None)
        self._client = httpx.AsyncClient(
            headers=headers, timeout=unlimited, trust_env=through_proxies, follow_redirects=False
        )

    async def send(self, event: JsonObject) -> Answer:
        """See `Door.send`."""
        begun = time.monotonic()

        def passed() -> float:
            return (time.monotonic() - begun) * 1000

        try:
            async with asyncio.timeout(self._timeout_seconds):
                status, headers, body = await self._post(event)
        except TimeoutError:
            message = f"did not answer within {self._timeout_seconds:g} s"
            return Answer(passed(), fault=("timeout", message))
        except _Fault as fault:
            return Answer(passed(), fault=(fault.code, fault.message))
        except httpx.ConnectError as error:
            message = f"nobody answers at this address ({error})"
            return Answer(passed(), fault=("no_connection", message))
        except httpx.HTTPError as error:
            message = f"broke off: {str(error) or type(error).__name__}"
            return Answer(passed(), fault=("broken_off", message))
        return Answer(passed(), status, headers, body)

    async def _post(self, event: JsonObject) -> tuple[int, Mapping[str, str], bytes]:
        body = bytearray()
        request = self._client.build_request("POST", self._url, content=encode(event))
        response = await self._client.send(request, stream=True)
        try:
            async for chunk in response.aiter_bytes():
                body += chunk
                if len(body) > MAX_ANSWER_BYTES:
                    megabytes = MAX_ANSWER_BYTES // 1024**2
                    raise _Fault("too_large", f"answered with more than {megabytes} MB")
        finally:
            await response.aclose()
        return response.status_code, response.headers, bytes(body)

    async def __aenter__(self) -> Self:
        """Open the door."""
        await self._client.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close it."""
        await self._client.__aexit__(kind, error, trace)


def _http_url(url: str) -> httpx.URL:
    try:
        parsed = httpx.URL(url)
        # Half a name in Punycode is a `ValueError` of the host, and that only when it is read.
        host, port = parsed.host, parsed.port
    except (httpx.InvalidURL, ValueError) as error:
        raise Unreadable("bad_url", f"{url} is no URL: {error}") from None
    if parsed.scheme not in {"http", "https"} or not host:
        schemes = "http://, https://, ws:// or wss://"
        raise Unreadable("bad_url", f"{url} must begin with {schemes} and name a host")
    if port is not None and not 0 < port <= _HIGHEST_PORT:
        raise Unreadable("bad_url", f"{url} is no URL: there is no port {port}")
    return parsed
