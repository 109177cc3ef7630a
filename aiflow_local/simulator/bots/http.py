"""The door to any bot, in any language, at a URL."""

import asyncio
from contextlib import AsyncExitStack
from http import HTTPStatus
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from aiflow.protocol.types import JsonObject
from aiflow_local.errors import Unreadable
from aiflow_local.simulator.engine.bot_port import Answered, Failed, OnRequest
from aiflow_local.simulator.scripts.http_client import Answer, HttpDoor


class UrlDoor(OnRequest):
    """Posts events to a webhook and waits; to be entered before it is used.

    Args:
        url: of the webhook.
        token: sent as `X-API-TOKEN`; None sends none.
        deadline_ms: until when an answer must have come, all of it.

    Raises:
        Unreadable: `url` is not an HTTP URL.
    """

    def __init__(self, url: str, token: str | None, deadline_ms: int) -> None:
        self._door = _http_door(url, token, deadline_ms)
        self._open = AsyncExitStack()
        # A loop of its own, for all events: connections live as long as their loop.
        self._runner = asyncio.Runner()

    def send(self, event: JsonObject) -> Answered | Failed:
        """Deliver an event and wait for the answer; whatever happens, that is an outcome."""
        return _outcome(self._runner.run(self._door.send(event)))

    def __enter__(self) -> Self:
        """Open the door."""
        self._runner.run(self._open.enter_async_context(self._door))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close it, and every connection."""
        if self._runner.get_loop().is_running():
            # Another thread still waits for an answer, and nobody waits for it any more: Ctrl-C
            # was pressed twice.
            return
        try:
            self._runner.run(self._open.aclose())
        finally:
            self._runner.close()


def _http_door(url: str, token: str | None, deadline_ms: int) -> HttpDoor:
    try:
        # A port that is out of range, and half a name in Punycode, would else fail at each event.
        if urlsplit(url).port == 0:
            raise Unreadable("bad_url", f"{url} is no URL: there is no port 0")
        return HttpDoor(url, token, deadline_ms / 1000)
    except ValueError as error:
        raise Unreadable("bad_url", f"{url} is no URL: {error}") from None


def _outcome(answer: Answer) -> Answered | Failed:
    if answer.fault or answer.status is None:
        code, reason = answer.fault or ("broken_off", "broke off")
        return Failed(code, reason, answer.ms)
    try:
        body = answer.body.decode()
    except UnicodeDecodeError:
        if answer.status == HTTPStatus.OK:
            return Failed("not_json", "answered with what is not UTF-8, and so not JSON", answer.ms)
        # Of any other answer nobody reads the body.
        body = answer.body.decode(errors="replace")
    return Answered(answer.status, dict(answer.headers or {}), body, answer.ms)
